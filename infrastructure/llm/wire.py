"""Reads a chat completion from the bytes that a server sent, streamed or whole.

The bytes are what is recorded, so what they say is a pure function of them. Servers differ: some
stream without being asked or do not stream when they are, some leave out usage, some break off.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

MOST_TOKENS = 1_000_000_000  # a larger count is none


class Completion(Struct, frozen=True, kw_only=True):
    """One answer, as far as it came."""

    text: str = ""
    refusal: str = ""  # what the model said instead
    finish: str = ""  # stop, length, content_filter …; "" where it never came
    whole: bool = False  # the server said that this was all
    usage: tuple[int, int] | None = None  # prompt and completion tokens, as the server counts
    size: int = 0  # bytes of all that the model wrote, thoughts that are not its answer among them
    error: str = ""  # why this is no completion


def read(raw: bytes) -> Completion:
    """Read an answer; anything may be in it."""
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    begins = text.lstrip()[:8]
    if not begins:
        return Completion()
    if begins[0] == "{":
        return of_body(text)
    if begins.startswith(("data:", "event:", ":", "id:", "retry:")):
        return of_stream(text)
    return Completion(error=f"an answer that is no completion ({' '.join(text.split())[:60]})")


def of_body(text: str) -> Completion:
    body = parsed(text)
    if body is None:
        return Completion(error="a body that breaks off or is no JSON")
    if said := complaint(body):
        return Completion(error=said)
    choice = first(body.get("choices"))
    if choice is None:
        return Completion(error="a body without choices")
    message = mapping(choice.get("message"))
    return Completion(
        size=written(message),
        text=words(message.get("content")),
        refusal=words(message.get("refusal")),
        finish=words(choice.get("finish_reason")),
        whole=True,
        usage=usage_of(body),
    )


def of_stream(text: str) -> Completion:
    content: list[str] = []
    refusal: list[str] = []
    finish, usage, whole, size = "", None, False, 0
    for data in events(text):
        if data.startswith("[DONE]"):
            whole = True
            break
        chunk = parsed(data)
        if chunk is None:  # the last one is a piece of one where the stream broke off
            break
        if said := complaint(chunk):
            return Completion(text="".join(content), size=size, error=said, usage=usage)
        usage = usage_of(chunk) or usage
        choice = first(chunk.get("choices"))
        if choice is not None:
            delta = mapping(choice.get("delta"))
            size += written(delta)
            content.append(words(delta.get("content")))
            refusal.append(words(delta.get("refusal")))
            finish = words(choice.get("finish_reason")) or finish
    return Completion(
        text="".join(content),
        refusal="".join(refusal),
        finish=finish,
        whole=whole or bool(finish),
        usage=usage,
        size=size,
    )


def events(text: str) -> Iterator[str]:
    """Give the data of each server-sent event: its data lines, joined."""
    data: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def parsed(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def complaint(body: dict[str, Any]) -> str:
    error = body.get("error")
    if not error:
        return ""
    message = error.get("message") if isinstance(error, dict) else error
    return f"the server said: {message if isinstance(message, str) else 'an error'}"


def first(choices: Any) -> dict[str, Any] | None:
    chosen = choices[0] if isinstance(choices, list) and choices else None
    return chosen if isinstance(chosen, dict) else None


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def words(value: Any) -> str:
    # JSON can spell half a character; text that is kept has whole ones
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def written(message: dict[str, Any]) -> int:
    parts = ("content", "refusal", "reasoning_content", "reasoning")
    size = sum(len(words(message.get(part)).encode("utf-8", "replace")) for part in parts)
    calls = [message[part] for part in ("tool_calls", "function_call") if message.get(part)]
    return size + sum(len(json.dumps(call)) for call in calls)


def usage_of(body: dict[str, Any]) -> tuple[int, int] | None:
    usage = mapping(body.get("usage"))
    prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    if not prompt or completion is None:
        return None
    # Some servers count thoughts in the total alone, and ask to be paid for it.
    total = count(usage, "total_tokens") or 0
    return prompt, max(completion, total - prompt)


def count(usage: dict[str, Any], name: str) -> int | None:
    found = usage.get(name)
    return found if type(found) is int and 0 <= found <= MOST_TOKENS else None


def said(raw: bytes) -> str:
    """Give all that an answer spells, whatever the spelling: its strings, those of a stream joined.

    Words that chunks cut in two, or that JSON escapes, stand here whole.
    """
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    found: dict[int, list[str]] = {}
    places: dict[tuple[int, str], int] = {}
    for data in events(text):
        value = parsed(data)
        if value is not None:
            gather(value, found, places)
    spelled = ["".join(pieces) for pieces in found.values()]
    return "\n".join([ESCAPED.sub(unescaped, text), *spelled])


def gather(value: Any, found: dict[int, list[str]], places: dict[tuple[int, str], int]) -> None:
    """Put every string below a value behind those of the same place, by the place's number."""
    waiting = [(value, 0)]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, str):
            found.setdefault(place, []).append(words(value))
        elif isinstance(value, list):
            waiting += [(each, place) for each in reversed(value)]
        elif isinstance(value, dict):
            for key, each in reversed(value.items()):
                number = places.setdefault((place, key), len(places) + 1)
                waiting.append((each, number))


ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
MEANT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def unescaped(sign: re.Match[str]) -> str:
    code, other = sign.groups()
    return words(chr(int(code, 16))) if code else MEANT.get(other, other)
