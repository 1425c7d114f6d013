"""One strategy over recorded bars, as paper trading would have traded it.

The same kernel, limits and costs as paper: a backtest that obeyed other rules would lie. Research
may ask for another sizing, or for no limits; the report says so. Nothing is stored; the digests let
any other run prove that it traded the same.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

import numpy as np

from application.backtest_account import Account
from application.ports import BAR, Bars, Feed, FeedFinished
from application.report import BacktestReport, BacktestRun, Request
from application.terms import Sizing, refuse_other_sizing, with_costs
from domain.instrument import Instrument
from domain.limits import SLEEVE_LEVERAGE, Limits
from kernels.program import Program, check_backend

BLOCK = 4096  # base bars
PATIENCE = 60.0  # seconds a recorded feed may take for one block


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
    if request.sleeve not in SLEEVE_LEVERAGE:
        sleeves = ", ".join(SLEEVE_LEVERAGE)
        raise ValueError(f"sleeve was {request.sleeve!r}, must be one of: {sleeves}")
    check_backend(request.backend)
    refuse_other_sizing(program, request.sizing)
    instrument = with_costs(instrument, request.costs)
    account = Account(program, feed.describe(), instrument, limits, request)
    last = (request.start or 0) - 1
    while len(bars := read_block(feed, last, request.end)):
        account.trade(bars)
        last = int(bars["timestamp"][-1])
        progress(len(bars))
    if account.count == 0:
        asked = f"{moment(request.start, 'the beginning')} to {moment(request.end, 'the end')}"
        raise EmptyRange(f"range was {asked}, must hold bars of {instrument.symbol}")
    return account.told(last)


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
