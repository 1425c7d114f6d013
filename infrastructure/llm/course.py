"""One question to a model, and how it goes."""

from collections.abc import Sequence

from msgspec import Struct

from application.llm_port import Message, Schema


class Question(Struct, frozen=True, kw_only=True):
    messages: Sequence[Message]
    schema: Schema | None
    temperature: float
    seed: int | None
    max_tokens: int

    @property
    def size(self) -> int:
        return sum(len(message.content.encode()) for message in self.messages)


class Course(Struct, kw_only=True):
    """How a question goes: what was noted and counted so far."""

    notes: list[str]
    raw: bytearray
    prompt_tokens: int = 0
    completion_tokens: int = 0
    pending: bool = False  # an attempt is under way that the server may be counting
    estimated: bool = False  # at least one attempt's tokens are ours to guess
    answered: bool = False  # the last attempt brought an answer, whatever it says
