"""Many parameter sets of one strategy over recorded bars, kept on the way.

What a batch gave is kept as soon as it is finished, and what a stopped batch held as well: a run
that was stopped, or killed, is taken up by asking the same again, and gives the same bytes. Memory
stays within its budget however many sets there are: results are read back part by part.
"""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from msgspec import Struct

from application.backtest import EmptyRange, moment, read_block
from application.kernel_rows import limits_row, market_row
from application.ports import Bars, Feed, FeedDescription, SweepParts, SweepTable
from application.sweep_parts import Kept
from application.sweep_results import SweepRow
from application.terms import COSTS, Sizing, refuse_other_sizing, spelled, with_costs
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits
from domain.money import to_units
from domain.timeframe import milliseconds
from kernels.program import Program
from kernels.sweep.run import Sweep
from kernels.sweep.sets import ParameterSets
from kernels.sweep.settings import Settings, Ways

Array = np.ndarray[Any, Any]

FORMAT = "1"  # of the parts; raise it where their bytes change their meaning


class SweepReport(Struct, frozen=True, kw_only=True):
    """What was run, on what, how fast, and the best of it."""

    strategy: str
    version_sha: str
    venue: str
    symbol: str
    timeframe: str
    sleeve: str
    research: bool  # sizing or limits are not those of trading
    sizing: str | None  # what took the place of the strategy's own, METHOD=VALUE
    limits: Literal["on", "off"]
    costs: dict[str, Decimal]  # maker, taker: fraction of notional; slippage: of price
    costs_of: str | None  # venue whose profile they are from, but for those asked for one by one
    maintenance: Decimal  # margin, fraction of notional
    bars: int
    start: int  # open of the first bar, ms
    end: int  # open of the last
    bots: int
    bar_steps_per_second: float
    seconds: float  # of all batches, without compiling
    compile_seconds: float
    backend: str
    device: str
    state_digest: str  # sha256 over the digests of all sets, 32 bytes each, by id
    top: tuple[SweepRow, ...]  # by net, the highest first; of equal nets the lower id


class Request(Struct, frozen=True, kw_only=True):
    """What is asked of a sweep, beside the strategy and its bars."""

    sets: ParameterSets
    sleeve: str = "B"
    start: int | None = None  # ms
    end: int | None = None
    costs: Mapping[str, Decimal] = {}  # in place of the instrument's own
    sizing: Sizing | None = None  # what the program was compiled with in place of its own
    top: int = 10
    ways: Ways


def sweep(
    program: Program,
    feed: Feed,
    instrument: Instrument,
    limits: Limits,
    request: Request,
    *,
    parts: Callable[[str], SweepParts],
    table: SweepTable | None = None,
    begun: Callable[[int], None] = lambda account_bars: None,
    progress: Callable[[int], None] = lambda account_bars: None,
    stop: Callable[[], bool] = lambda: False,
) -> SweepReport:
    """Run every parameter set over the feed's bars with start ≤ timestamp < end (ms).

    `parts` gives where finished batches are kept, by the sweep's name (a sha256 of all that was
    asked). Raises FeedError, EmptyRange, UnknownBackend, CostInvalid, SizingMismatch,
    SweepConflict, MemoryTooSmall, and SweepStopped once `stop` says so; ValueError for another
    sleeve.
    """
    refuse_other_sizing(program, request.sizing)
    description = feed.describe()
    priced = with_costs(instrument, request.costs)
    settings = settings_of(priced, limits, request.sleeve, description)
    bars = bars_of(feed, instrument.symbol, request.start, request.end)
    first, last = int(bars["timestamp"][0]), int(bars["timestamp"][-1])
    running = Sweep(program, bars, request.sets, settings, request.ways)
    asked = asked_for(program, request, settings, description, priced, bars)
    del bars
    identity = {
        **asked,
        "format": FORMAT,
        "backend": running.ways.backend,
        "batch": str(running.plan.batch),
    }
    kept = Kept(parts(hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()), running)
    kept.parts.open(identity)
    try:
        begun(running.bars * request.sets.count)
        kept.run_all(stop, progress)
        if table is not None:
            table.write(kept.columns(), asked)
        summed = kept.summed(request.top)
        kept.parts.remove()
    finally:
        kept.parts.close()
    return SweepReport(
        strategy=program.name,
        version_sha=program.source_sha,
        venue=description.venue,
        symbol=instrument.symbol,
        timeframe=description.timeframe,
        sleeve=request.sleeve,
        research=request.sizing is not None or not limits.enforced,
        sizing=None if request.sizing is None else spelled(request.sizing),
        limits="on" if limits.enforced else "off",
        costs={name: getattr(priced, name) for name in COSTS},
        costs_of=priced.costs_of or None,
        maintenance=priced.maintenance,
        bars=running.bars,
        start=first,
        end=last,
        bots=request.sets.count,
        bar_steps_per_second=running.bars * request.sets.count / summed.seconds,
        seconds=summed.seconds,
        compile_seconds=running.compile_seconds,
        backend=running.ways.backend,
        device=summed.device,
        state_digest=summed.state_digest,
        top=summed.top,
    )


def settings_of(
    instrument: Instrument, limits: Limits, sleeve: str, description: FeedDescription
) -> Settings:
    """What all sets have in common. Raises ValueError for a sleeve that there is not."""
    if sleeve not in SLEEVE_LEVERAGE:
        allowed = ", ".join(SLEEVE_LEVERAGE)
        raise ValueError(f"sleeve was {sleeve!r}, must be one of: {allowed}")
    return Settings(
        market=market_row(instrument),
        limits=limits_row(limits),
        leverage=SLEEVE_LEVERAGE[sleeve],
        capital=float(to_units(SLEEVE_CAPITAL)),
        base_ms=milliseconds(description.timeframe),
    )


def asked_for(
    program: Program,
    request: Request,
    settings: Settings,
    description: FeedDescription,
    instrument: Instrument,
    bars: Bars,
) -> dict[str, str]:
    """All that the results depend on, in words; backend, threads and memory are not among it."""
    return {
        "strategy": program.name,
        "version_sha": program.source_sha,
        "sets": sets_digest(request.sets),
        "bots": str(request.sets.count),
        "venue": description.venue,
        "symbol": instrument.symbol,
        "timeframe": description.timeframe,
        "sleeve": request.sleeve,
        "sizing": "" if request.sizing is None else spelled(request.sizing),
        "limits": hashlib.sha256(settings.limits.tobytes()).hexdigest(),
        "market": hashlib.sha256(settings.market.tobytes()).hexdigest(),
        "data": hashlib.sha256(bars.tobytes()).hexdigest(),
        "kernel": kernel_digest(program),
    }


def bars_of(feed: Feed, symbol: str, start: int | None, end: int | None) -> Bars:
    """Every bar of the range. Raises FeedError, EmptyRange."""
    blocks: list[Bars] = []
    last = (start or 0) - 1
    while True:
        block = read_block(feed, last, end)
        if len(block) == 0:
            break
        blocks.append(block)
        last = int(block["timestamp"][-1])
    if not blocks:
        asked = f"{moment(start, 'the beginning')} to {moment(end, 'the end')}"
        raise EmptyRange(f"range was {asked}, must hold bars of {symbol}")
    return np.concatenate(blocks)


def sets_digest(sets: ParameterSets) -> str:
    """sha256 over what the sets are made from."""
    axes = [(axis.name, axis.values) for axis in sets.axes]
    fixed = sorted(sets.fixed.items())
    ranges = [(p.name, p.low, p.high, p.integer) for p in sets.parameters]
    made_from = repr((axes, sets.draws, sets.seed, fixed, ranges))
    return hashlib.sha256(made_from.encode()).hexdigest()


def kernel_digest(program: Program) -> str:
    """sha256 over the flat list: parts made by another kernel are not this sweep's."""
    flat = program.flat
    lists = (flat.series, flat.decide, flat.simulate)
    text = repr([(out.statements, out.initial, list(out.constants.items())) for out in lists])
    return hashlib.sha256(text.encode()).hexdigest()
