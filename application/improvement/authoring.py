"""What an author is told and what it gives back, whoever it is: a search, a model, an operator.

An author sees bars before the split alone, through its bench, and losses that ended before it; what
it writes is data for the parser. It never decides: candidates are tested on bars it did not know.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from domain.llm import Outcome, Purpose
from domain.strategy.events import Author as Kind
from domain.strategy.improvement import LossesAnalysed
from kernels.program import Program

Array = np.ndarray[Any, Any]


class PastVersion(Struct, frozen=True, kw_only=True):
    """A version of the strategy that was tried before, and what became of it."""

    version: str
    parent: str | None
    hypothesis: str
    parameters: dict[str, float]
    same_source: bool  # as the champion's
    look: int = 0  # that its author wrote it for; 0: an operator's, or before the first
    outcome: str  # seed | active | replaced | passed | CODES of what it failed on


class Brief(Struct, frozen=True, kw_only=True):
    """What an author may know."""

    strategy: str
    number: int  # of the look
    version: str  # the champion
    text: str  # its source
    parameters: dict[str, float]  # its parameters, all of them
    analysis: LossesAnalysed
    report: bytes  # the analysis' blob, JSON
    past: tuple[PastVersion, ...]  # the latest last; those of no use left out
    symbols: tuple[str, ...]
    candidates: int  # wanted, at most
    seed: int


class Candidate(Struct, frozen=True, kw_only=True):
    """One way to do it better."""

    text: str  # of the strategy file
    parameters: dict[str, float]  # those not named keep their defaults
    hypothesis: str  # why it should lose less, one or two sentences


class Call(Struct, frozen=True, kw_only=True):
    """One call of a model, as `domain.llm.LlmCalled` records it."""

    purpose: Purpose
    outcome: Outcome
    code: str = ""
    detail: str = ""
    model: str
    temperature: float
    seed: int | None
    prompt: bytes
    response: bytes
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    latency_ms: int
    called_at: int  # ms UTC


class Answer(Struct, frozen=True, kw_only=True):
    """What came of asking. With a `code` there is no candidate, and `reason` says why."""

    author: Kind
    candidates: tuple[Candidate, ...] = ()
    refused: tuple[str, ...] = ()  # what it wrote that does not parse: CODE: words
    scored: int = 0  # distinct parameter sets tried on the bench
    calls: tuple[Call, ...] = ()
    code: str = ""
    reason: str = ""


class Scores(Struct, frozen=True):
    """What parameter sets did on the bench: sleeve B, costs and limits on."""

    pnl: Array  # int64 [sets, days], 1e-8 quote
    trades: Array  # int64 [sets], closed
    wins: Array  # int64 [sets]


class Bench(Protocol):
    """Runs parameter sets over the bars before the split, on all symbols."""

    def compile(self, text: str) -> Program:
        """Compile a source. Raises kernels.errors.StrategyError naming line and column."""

    def score(self, program: Program, sets: Sequence[Mapping[str, float]]) -> Scores:
        """Score sets, each with a value for every parameter.

        Raises kernels.errors.ParameterError.
        """


class Author(Protocol):
    """Writes candidates. May take long; never called twice at once."""

    @property
    def kind(self) -> Kind: ...

    def write(self, brief: Brief, bench: Bench) -> Answer:
        """Answer a brief. What goes wrong is an answer with a code, never an exception."""
