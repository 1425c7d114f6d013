"""One strategy over recorded bars of one symbol or several, as paper would have traded it.

The same kernel, limits and costs as paper: a backtest that obeyed other rules would lie. Research
may ask for another sizing, or for no limits; the report says so. Nothing is stored; the digests let
any other run prove that it traded the same.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import numpy as np

from application.backtest_account import Account
from application.ports import (
    BAR,
    Bars,
    Feed,
    FeedDescription,
    FeedFinished,
    MarketFeed,
    Stretch,
    moments,
    until,
)
from application.report import BacktestReport, BacktestRun, Request
from application.terms import Sizing, refuse_other_sizing, with_costs
from domain.instrument import Instrument
from domain.limits import SLEEVE_LEVERAGE, Limits
from kernels.program import Program, check_backend

BLOCK = 4096  # moments
PATIENCE = 60.0  # seconds a recorded feed may take for one block


class SymbolTwice(ValueError):
    """A symbol was named twice: an account has one position of each."""


class EmptyRange(ValueError):
    """There is no bar between the two dates."""


def backtest(
    program: Program,
    feed: Feed,
    instrument: Instrument,
    limits: Limits,
    *,
    parameters: Mapping[str, float],
    sleeve: str,
    start: int | None = None,
    end: int | None = None,
    backend: str = "numba",
    costs: Mapping[str, Decimal] | None = None,
    sizing: Sizing | None = None,
    progress: Callable[[int], None] = lambda bars: None,
) -> BacktestReport:
    """Trade as `run` does, and give its report alone. Raises what `run` raises."""
    request = Request(
        parameters=parameters,
        sleeve=sleeve,
        start=start,
        end=end,
        backend=backend,
        costs=costs or {},
        sizing=sizing,
    )
    return run(program, feed, instrument, limits, request, progress).report


def run(
    program: Program,
    feed: Feed,
    instrument: Instrument,
    limits: Limits,
    request: Request,
    progress: Callable[[int], None] = lambda bars: None,
) -> BacktestRun:
    """Trade `program` over the feed's bars with start ≤ timestamp < end, and tell all about it.

    `limits` may be off, for research. Raises ParameterError, UnknownBackend, FeedError, EmptyRange,
    CostInvalid, SizingMismatch; ValueError for another sleeve.
    """
    return run_market(program, Alone(feed), [instrument], limits, request, progress)


def run_market(
    program: Program,
    feed: MarketFeed,
    instruments: Sequence[Instrument],
    limits: Limits,
    request: Request,
    progress: Callable[[int], None] = lambda moments: None,
) -> BacktestRun:
    """Trade `program` on all symbols of the feed, in one account, as `run` does on one.

    Raises what `run` raises; `SymbolTwice`; ValueError for more symbols than an account may hold.
    """
    check(request)
    refuse_other_sizing(program, request.sizing)
    priced = with_all_costs(instruments, request)
    account = Account(program, feed.describe(), priced, limits, request)
    last = first_cursor(request)
    while len(times := moments(stretch := read_stretch(feed, last, request.end))):
        account.trade(stretch)
        last = int(times[-1])
        progress(len(times))
    if account.count == 0:
        raise empty(request, priced)
    return account.told(last)


class Alone:
    """One symbol's feed, as the feed of a market."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def describe(self) -> FeedDescription:
        """Say what the feed serves."""
        return self._feed.describe()

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        """Give the next bars. Raises FeedFinished, FeedError."""
        return (self._feed.read(after, limit, timeout),)

    def close(self) -> None:
        """Close the feed."""
        self._feed.close()


def check(request: Request) -> None:
    """Refuse what no run can be: raises UnknownBackend; ValueError for another sleeve."""
    if request.sleeve not in SLEEVE_LEVERAGE:
        sleeves = ", ".join(SLEEVE_LEVERAGE)
        raise ValueError(f"sleeve was {request.sleeve!r}, must be one of: {sleeves}")
    check_backend(request.backend)


def with_all_costs(instruments: Sequence[Instrument], request: Request) -> list[Instrument]:
    """Put the costs asked for in place of all symbols'. Raises CostInvalid, SymbolTwice."""
    symbols = [instrument.symbol for instrument in instruments]
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            raise SymbolTwice(f"symbol {symbol} was named twice, must be named once")
    return [with_costs(instrument, request.costs) for instrument in instruments]


def first_cursor(request: Request) -> int:
    """Give the time (ms) after which the run's first bar opens."""
    return (request.start or 0) - 1


def empty(request: Request, instruments: Sequence[Instrument]) -> EmptyRange:
    """Say that the range holds no bar."""
    asked = f"{moment(request.start, 'the beginning')} to {moment(request.end, 'the end')}"
    symbols = ", ".join(instrument.symbol for instrument in instruments)
    return EmptyRange(f"range was {asked}, must hold bars of {symbols}")


def moment(at: int | None, otherwise: str) -> str:
    if at is None:
        return otherwise
    return str(np.datetime64(at, "ms").astype("datetime64[m]")) + "Z"


def read_block(feed: Feed, after: int, end: int | None) -> Bars:
    """The next bars before `end`; none where there are no more."""
    try:
        bars = feed.read(after, BLOCK, PATIENCE)
    except FeedFinished:
        return np.empty(0, BAR)
    return bars if end is None else bars[bars["timestamp"] < end]


def read_stretch(feed: MarketFeed, after: int, end: int | None, limit: int = BLOCK) -> Stretch:
    """The bars of the next moments before `end`, at most `limit`; none where there are no more."""
    try:
        stretch = feed.read(after, limit, PATIENCE)
    except FeedFinished:
        return (np.empty(0, BAR),)
    return stretch if end is None else until(stretch, end)
