"""One question to a model within the day's caps, and the call as it is recorded.

Whoever asks a model asks here, so that no call escapes the caps or the record.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from math import ceil

import msgspec

from application import llm_port
from application.improvement.authoring import Call
from application.improvement.model.answers import AnswerInvalid
from application.improvement.model.budget import Caps, Spent, cost, day_of, over
from application.improvement.model.spending import Spending
from application.llm_port import ChatModel, Message, Reply, Schema
from domain.llm import Purpose

BUDGET = "LLM_BUDGET"  # a cap might not hold: nobody was asked
BYTES_A_TOKEN = 2  # before a call: text has three or four, so this is high


def asked(
    model: ChatModel,
    caps: Caps,
    spent: Callable[[int], Spent],
    purpose: Purpose,
    messages: Sequence[Message],
    *,
    schema: Schema,
    temperature: float,
    seed: int | None,
    max_tokens: int,
    before: Sequence[Call] = (),
) -> tuple[Reply, Call] | str:
    """Ask a model within the caps: the reply and how it is recorded, or why nobody was asked.

    `before` are calls that `spent` may not know yet.
    """
    turn = spent.turn if isinstance(spent, Spending) else nullcontext()
    with turn:
        now = model.now()
        today = day_of(now)
        try:
            used = spent(today)
        except OSError as error:
            return f"what calls have cost cannot be read ({error}): nobody is asked"
        known = [c for c in before if day_of(c.called_at) == today and c.called_at > used.latest]
        used = Spent(
            tokens=used.tokens + sum(c.prompt_tokens + c.completion_tokens for c in known),
            dollars=sum((c.cost for c in known), used.dollars),
        )
        most = worst(messages, max_tokens)
        if reason := over(caps, used, *most, now):
            return reason
        if isinstance(spent, Spending):
            try:
                spent.may(now, sum(most), cost(caps, *most))
            except OSError as error:
                return f"what the call may cost cannot be written down ({error}): nobody is asked"
        reply = model.ask(
            messages, schema=schema, temperature=temperature, seed=seed, max_tokens=max_tokens
        )
        prompt = msgspec.json.encode(list(messages))
        withheld = reply.code == llm_port.SECRET
        call = Call(
            purpose=purpose,
            outcome=reply.outcome,
            code=reply.code,
            detail=reply.detail,
            model=reply.model,
            temperature=reply.temperature,
            seed=reply.seed,
            prompt=b"" if withheld else prompt,
            response=reply.raw,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost=cost(caps, reply.prompt_tokens, reply.completion_tokens),
            latency_ms=reply.latency_ms,
            called_at=reply.called_at,
        )
        if isinstance(spent, Spending):
            spent.made(call)
        return reply, call


def worst(messages: Sequence[Message], max_tokens: int) -> tuple[int, int]:
    """Tell how many tokens a call may take at most: of its prompt, each time that it is sent, and
    of its answer, since only an attempt that brought none is followed by another."""
    size = sum(len(message.content.encode()) for message in messages)
    return llm_port.ATTEMPTS * ceil(size / BYTES_A_TOKEN), max_tokens


def useless(call: Call, error: AnswerInvalid) -> Call:
    """Tell of a call that it was answered with nothing usable."""
    return msgspec.structs.replace(call, outcome="refused", code=error.code, detail=str(error))
