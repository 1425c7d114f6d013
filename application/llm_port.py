"""What the use cases need of a language model: an answer, or a word for why there is none.

Whatever goes wrong between here and a model is a reply with a code, never an exception, so that a
failed call is recorded like any other and cannot stop what trades. Codes are stable.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct

from domain.llm import Outcome
from domain.timeframe import DAY

Role = Literal["system", "user", "assistant"]
Schema = Mapping[str, Any]  # JSON Schema of the answer; `title` names it

ATTEMPTS = 3  # at most, that a server may count, for one question

TIMEOUT = "LLM_TIMEOUT"  # no whole answer before the deadline, however many bytes came
RATE_LIMITED = "LLM_RATE_LIMITED"  # 429, and again after waiting
SERVER_ERROR = "LLM_SERVER_ERROR"  # 5xx, or an answer that is no completion
REFUSED = "LLM_REFUSED"  # any other status, or a model that declined
TRUNCATED = "LLM_TRUNCATED"  # the answer breaks off, be it before its first byte
TOO_LARGE = "LLM_TOO_LARGE"  # more bytes than are read
UNREACHABLE = "LLM_UNREACHABLE"  # no connection
EMPTY = "LLM_EMPTY"  # an answer without words
STOPPED = "LLM_STOPPED"  # given up because the engine was told to stop; to be asked again
SECRET = "LLM_SECRET"  # noqa: S105  (the messages hold a secret: they were not sent)


class Message(Struct, frozen=True):
    role: Role
    content: str


class Reply(Struct, frozen=True, kw_only=True):
    """What came of one question, all attempts together."""

    outcome: Outcome
    code: str = ""  # one of the above; "" where answered
    detail: str = ""  # one line for a human: attempts, what the server could not do, estimates
    text: str = ""  # of the answer; "" unless answered
    raw: bytes = b""  # what the last attempt brought, as it came; secrets blotted out
    model: str  # that was asked
    temperature: float
    seed: int | None
    prompt_tokens: int = 0  # of all attempts; estimated high where the server does not say
    completion_tokens: int = 0
    latency_ms: int
    called_at: int  # ms UTC


class Used(NamedTuple):
    """What one call used, or may use at most."""

    at: int  # ms UTC
    tokens: int
    dollars: Decimal

    @property
    def day(self) -> int:
        """The UTC day: days since 1970-01-01."""
        return self.at // DAY


class Ledger(Protocol):
    """Calls that the log of a home may not hold yet."""

    def load(self) -> list[Used]:
        """Give what the last day's calls used, as far as is known; forget older ones."""

    def note(self, used: Used, number: int | None = None) -> int:
        """Write down what a call may use, or, by its number, what it did; give the number."""


class ChatModel(Protocol):
    """One model on one server. Safe to ask again after any reply; not from two threads at once."""

    @property
    def name(self) -> str:
        """The model's name, as replies carry it."""

    def now(self) -> int:
        """The clock that `called_at` is told by, ms UTC."""

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: Schema | None,
        temperature: float,
        seed: int | None,
        max_tokens: int,
    ) -> Reply:
        """Ask and wait, to a deadline of the model's own. Never raises for what a server does.

        An attempt that brings no answer may be made again, `ATTEMPTS` in all.

        `schema` is a wish: the text may be anything. Where the reply's code is `SECRET`, the
        messages are not to be kept either.
        """
