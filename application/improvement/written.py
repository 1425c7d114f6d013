"""What an author's answer came to, ready to be recorded: candidates, and what they cost."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from application.improvement.authoring import Call
from application.improvement.proving import Verdict
from domain.llm import LlmCalled
from domain.strategy.events import Author as Kind
from kernels.program import Program


class Draft(Struct, frozen=True, kw_only=True):
    """One candidate that compiles and changes something."""

    program: Program
    parameters: Mapping[str, float]  # all of them
    hypothesis: str


class Written(Struct, frozen=True, kw_only=True):
    """An answer to a look. With a `code` there is no draft, and `reason` says why."""

    strategy: str
    number: int
    author: Kind
    drafts: tuple[Draft, ...] = ()
    refused: tuple[str, ...] = ()
    scored: int = 0
    calls: tuple[Call | LlmCalled, ...] = ()  # as the log has them, when it is replayed
    code: str = ""
    reason: str = ""
    tokens: int = 0
    cost: Decimal = Decimal(0)
    judged: tuple[tuple[Verdict, ...], int | None] | None = None  # None: not judged yet
