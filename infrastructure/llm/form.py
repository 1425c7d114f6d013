"""What a server takes of a request, learned from what it turns down.

Servers that speak the same protocol know different parts of it. A request begins with everything
and is asked again with less, a step at a time, each step told in the reply's detail.
"""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from application.llm_port import Message, Schema

TURNED_DOWN = (400, 422)  # statuses that say something of the request was not understood


class Form(Struct, frozen=True, kw_only=True):
    """The parts of a request that a server has not turned down."""

    answer: Literal["json_schema", "json_object", "text"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    seed: bool = True
    usage: bool = True  # asked for at the end of a stream


def request(
    form: Form,
    model: str,
    messages: Sequence[Message],
    schema: Schema | None,
    temperature: float,
    seed: int | None,
    max_tokens: int,
) -> dict[str, Any]:
    """Spell a request."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        "stream": True,
        form.limit: max_tokens,
    }
    if form.usage:
        body["stream_options"] = {"include_usage": True}
    if form.temperature:
        body["temperature"] = temperature
    if form.seed and seed is not None:
        body["seed"] = seed
    if schema is not None and form.answer == "json_schema":
        named = {"name": str(schema.get("title", "answer")), "schema": dict(schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": {**named, "strict": True}}
    elif schema is not None and form.answer == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def simpler(form: Form, complaint: str, structured: bool) -> tuple[Form, str] | None:
    """Leave out what the complaint names, else ask less of the answer's form.

    Gives the form with words for what changed; None where nothing is left to leave out.
    """
    if "stream_options" in complaint and form.usage:
        return replace(form, usage=False), "without stream_options"
    if "max_tokens" in complaint and form.limit == "max_tokens":
        return replace(form, limit="max_completion_tokens"), "with max_completion_tokens"
    if "temperature" in complaint and form.temperature:
        return replace(form, temperature=False), "without temperature"
    if "seed" in complaint and form.seed:
        return replace(form, seed=False), "without seed"
    if structured and form.answer == "json_schema":
        return replace(form, answer="json_object"), "with json_object"
    if structured and form.answer == "json_object":
        return replace(form, answer="text"), "without response_format"
    return None
