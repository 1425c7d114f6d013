"""One strategy over recorded bars, as paper trading would have traded it.

The same kernel, limits and costs as paper: a backtest that obeyed other rules would lie. Research
may ask for another sizing, or for no limits; the report says so. Nothing is stored; the digests let
any other run prove that it traded the same.
"""

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from application.kernel_rows import limits_row, market_row
from application.ports import BAR, Bars, Feed, FeedFinished
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits
from domain.money import from_units, to_units
from domain.timeframe import milliseconds
from kernels import ir, metrics
from kernels.dtypes import SIZING
from kernels.program import Program, check_backend
from kernels.runner import LaneSpec, Runner
from kernels.trades import TradeTape

BLOCK = 4096  # base bars
PATIENCE = 60.0  # seconds a recorded feed may take for one block


COSTS = ("maker", "taker", "slippage")  # fractions of notional or price

Sizing = tuple[str, float]  # method and value


class EmptyRange(ValueError):
    """There is no bar between the two dates."""


class CostInvalid(ValueError):
    """A cost is not a fraction from 0 to below 1: names it."""


class SizingMismatch(ValueError):
    """The program was not compiled with the sizing that it is said to have."""


class BacktestMetrics(Struct, frozen=True, kw_only=True):
    trades: int
    wins: int
    win_rate: Decimal | None  # wins / trades
    win_rate_low: Decimal | None  # Wilson 95 % lower bound
    profit_factor: Decimal | None
    net_profit: Decimal  # quote, closed trades
    max_drawdown: Decimal  # quote, at base-bar closes
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    ruined: bool


class BacktestReport(Struct, frozen=True, kw_only=True):
    """What was run, on what, and what came out."""

    strategy: str
    venue: str
    symbol: str
    timeframe: str
    sleeve: str
    bars: int
    start: int = 0  # open of the first bar, ms
    end: int = 0  # open of the last
    params: dict[str, float]
    version_sha: str
    backend: str
    device: str  # what the backend ran on
    research: bool  # sizing or limits are not those of trading
    sizing: str | None  # what took the place of the strategy's own, METHOD=VALUE
    limits: Literal["on", "off"]
    costs: dict[str, Decimal]  # maker, taker: fraction of notional; slippage: of price
    metrics: BacktestMetrics
    trades_digest: str
    state_digest: str
    seconds: float  # kernel and reading, without compiling
    compile_seconds: float
    bar_steps_per_second: float  # kernel alone


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
    """Trade `program` over the feed's bars with start ≤ timestamp < end (ms).

    `costs` take the place of the instrument's own (maker, taker, slippage). For research, `sizing`
    is what `program` was compiled with in place of its own, and `limits` may be off.

    Raises ParameterError, UnknownBackend, FeedError, EmptyRange, CostInvalid, SizingMismatch;
    ValueError for another sleeve.
    """
    if sleeve not in SLEEVE_LEVERAGE:
        raise ValueError(f"sleeve was {sleeve!r}, must be one of: {', '.join(SLEEVE_LEVERAGE)}")
    check_backend(backend)
    refuse_other_sizing(program, sizing)
    instrument = with_costs(instrument, costs or {})
    description = feed.describe()
    base_ms = milliseconds(description.timeframe)
    lane = LaneSpec(SLEEVE_LEVERAGE[sleeve], float(to_units(SLEEVE_CAPITAL)), limits_row(limits))
    began = time.perf_counter()
    market = market_row(instrument)
    runner = Runner(program, parameters, market, base_ms, [lane], backend)
    warm_up = Runner(program, parameters, market, base_ms, [lane], backend)
    compiled = False
    tape = TradeTape(base_ms)
    compile_seconds = kernel_seconds = 0.0
    count, first, last = 0, 0, (start or 0) - 1
    while True:
        bars = read_block(feed, last, end)
        if len(bars) == 0:
            break
        if not compiled:
            warm_up.run(bars[:1], [0])
            compiled, compile_seconds = True, time.perf_counter() - began
            began, first = time.perf_counter(), int(bars["timestamp"][0])
        stepping = time.perf_counter()
        block = runner.run(bars, [0])
        kernel_seconds += time.perf_counter() - stepping
        tape.add(block.records[0], bars["timestamp"])
        count, last = count + len(bars), int(bars["timestamp"][-1])
        progress(len(bars))
    if count == 0:
        asked = f"{moment(start, 'the beginning')} to {moment(end, 'the end')}"
        raise EmptyRange(f"range was {asked}, must hold bars of {instrument.symbol}")
    return BacktestReport(
        strategy=program.name,
        venue=description.venue,
        symbol=instrument.symbol,
        timeframe=description.timeframe,
        sleeve=sleeve,
        bars=count,
        start=first,
        end=last,
        params=program.resolve(parameters),
        version_sha=program.source_sha,
        backend=backend,
        device=runner.machine.device,
        research=sizing is not None or not limits.enforced,
        sizing=None if sizing is None else spelled(sizing),
        limits="on" if limits.enforced else "off",
        costs={name: getattr(instrument, name) for name in COSTS},
        metrics=measure(tape, runner),
        trades_digest=tape.digest(),
        state_digest=runner.digest(0),
        seconds=time.perf_counter() - began,
        compile_seconds=compile_seconds,
        bar_steps_per_second=count / kernel_seconds,
    )


def with_costs(instrument: Instrument, costs: Mapping[str, Decimal]) -> Instrument:
    """Put costs in the place of an instrument's own, and check all. Raises `CostInvalid`."""
    for name in costs:
        if name not in COSTS:
            raise CostInvalid(f"cost was {name!r}, must be one of: {', '.join(COSTS)}")
    priced = replace(instrument, **costs)
    for name in COSTS:
        value: Decimal = getattr(priced, name)
        if not (value.is_finite() and 0 <= value < 1):
            raise CostInvalid(f"{name} was {value}, must be a fraction from 0 to below 1")
    return priced


def refuse_other_sizing(program: Program, sizing: Sizing | None) -> None:
    if sizing is None:
        return
    method, value = sizing
    if method not in SIZING or program.flat.sizing != (SIZING.index(method), ir.Num(value)):
        raise SizingMismatch(
            f"sizing was {spelled(sizing)}, but {program.name} was compiled with another"
        )


def spelled(sizing: Sizing) -> str:
    method, value = sizing
    return f"{method}={repr(value).removesuffix('.0')}"


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


def measure(tape: TradeTape, runner: Runner) -> BacktestMetrics:
    trades, account = tape.trades(), runner.account(0)
    figures = metrics.summarise([from_units(int(net)) for net in trades["net"]])
    return BacktestMetrics(
        trades=figures.trades,
        wins=figures.wins,
        win_rate=figures.win_rate,
        win_rate_low=figures.win_rate_low,
        profit_factor=figures.profit_factor,
        net_profit=figures.net,
        max_drawdown=from_units(float(account["drawdown"])),
        fees=from_units(int(trades["fees"].sum())),
        slippage=from_units(int(trades["slippage"].sum())),
        funding=from_units(int(trades["funding"].sum())),
        ruined=bool(account["ruined"]),
    )
