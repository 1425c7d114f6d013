"""Hand-written stand-ins for trading tests: a scripted kernel, a memory journal, made-up bars."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from application.ports import BAR, Bars, FeedDescription, Stretch, moments, until
from application.trading import StrategySource
from application.trading.kernel import Array, Block, EngineKernel, Lane, Program, Runner
from domain.instrument import Instrument
from infrastructure.bar_records import seal
from kernels import dtypes as k
from kernels.told import Told

MINUTE = 60_000
DAY = 1440 * MINUTE
START = 19_723 * DAY  # 2024-01-01
INSTRUMENT = Instrument(
    symbol="BTC-USDT",
    market="spot",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_notional=Decimal(5),
    maker=Decimal("0.0002"),
    taker=Decimal("0.0005"),
    slippage=Decimal("0.001"),
    maintenance=Decimal("0.005"),
)
DESCRIPTION = FeedDescription(
    feed="recorded",
    venue="binance",
    timeframe="1m",
    data_digest="0" * 64,
    instruments=(INSTRUMENT,),
)
PRICE = 2_000_000  # ticks: 20,000.00
GAIN = 5_000  # ticks a scripted trade makes
UNIT = 10  # money of one lot moving one tick
LOTS = {1: 1_000, 8: 20_000}  # by leverage: 8× makes $10.00 a trade, 1× $0.50
SOURCE = StrategySource(
    "scripted",
    '''"""Buys whenever it is flat."""
from kernels.language import *

timeframe("1m")
length = param(3, 2, 50)  # bars

mean = sma(close, length)


def entry():
    if close > mean:
        return long(tag="above", confidence=0.5)
    return FLAT


def exits():
    return plan(stop=100.0, target=50.0, max_bars=2)
''',
)


class MemoryJournal:
    """The whole BarJournal port in memory."""

    def __init__(self, *stretch: Bars, symbols: Sequence[str] = ("BTC-USDT",)) -> None:
        empty = np.zeros(0, BAR)
        self.symbols = tuple(symbols)
        self.stretch = [bars.copy() for bars in stretch] or [empty] * len(symbols)

    @property
    def bars(self) -> Bars:
        """Those of the first symbol."""
        return self.stretch[0]

    @bars.setter
    def bars(self, bars: Bars) -> None:
        self.stretch[0] = bars

    def append(self, stretch: Stretch) -> None:
        times, last = moments(stretch), self.last()
        if last is not None and times[0] <= last:
            raise ValueError(f"first bar was {times[0]}, must be after {last}")
        self.stretch = [
            np.concatenate([held, bars]) for held, bars in zip(self.stretch, stretch, strict=True)
        ]

    def last(self) -> int | None:
        times = moments(tuple(self.stretch))
        return int(times[-1]) if len(times) else None

    def read(self, after: int, limit: int) -> Stretch:
        later = tuple(bars[bars["timestamp"] > after] for bars in self.stretch)
        times = moments(later)
        return later if len(times) <= limit else until(later, int(times[limit]))

    def records(self, symbol: str, start: int, end: int) -> bytes:
        bars = self.stretch[self.symbols.index(symbol)]
        opens = bars["timestamp"]
        return seal(bars[(opens >= start) & (opens < end)])

    def close(self) -> None:
        pass


def flat_bars(count: int, start: int = START) -> Bars:
    """One-minute bars that never move."""
    bars = np.zeros(count, BAR)
    bars["timestamp"] = start + MINUTE * np.arange(count)
    for name in ("open", "high", "low", "close"):
        bars[name] = PRICE * 0.01
    bars["volume"] = 1.0
    return bars


def random_bars(count: int, seed: int, start: int = START) -> Bars:
    """One-minute bars of a random walk on the tick grid."""
    chance = np.random.default_rng(seed)
    steps = chance.integers(-3_000, 3_001, count)
    close = np.maximum(PRICE + np.cumsum(steps), PRICE // 2)
    opened = np.concatenate([[PRICE], close[:-1]])
    bars = np.zeros(count, BAR)
    bars["timestamp"] = start + MINUTE * np.arange(count)
    bars["open"], bars["close"] = opened * 0.01, close * 0.01
    bars["high"] = (np.maximum(opened, close) + chance.integers(0, 1_000, count)) * 0.01
    bars["low"] = (np.minimum(opened, close) - chance.integers(0, 1_000, count)) * 0.01
    bars["volume"] = chance.integers(1, 1_000, count) * 0.01
    return bars


@dataclass
class ScriptedBlock:
    records: list[Array]
    closes: list[Array]
    series: list[Array]


@dataclass(frozen=True)
class Script:
    """What goes wrong on the 8× lanes; 0: never."""

    lie_at: int = 0  # this trade is reported 1e-8 quote too high
    oversize_at: int = 0  # this entry is a hundred times too large
    ruin_at: int = 0  # after this trade the account is said to be ruined


class ScriptedLane:
    """Waits, enters at the next open, takes profit two bars later, and begins again."""

    def __init__(self, lane: Lane, script: Script) -> None:
        self.lane = lane
        self.leverage = lane.leverage
        self.script = script if lane.leverage > 1 else Script()
        self.phase = 0  # 0 flat, 1 an entry waits, 2 open, 3 open for a bar
        self.orders = 0
        self.trades = 0

    @property
    def lots(self) -> int:
        return LOTS[self.leverage] * (100 if self.orders == self.script.oversize_at else 1)

    @property
    def ruined(self) -> bool:
        return self.trades >= self.script.ruin_at > 0

    def step(self, index: int, control: int) -> list[list[float]]:
        rows: list[list[float]] = []
        if self.phase == 1 and control & k.ENTRIES_OFF:
            rows.append(row(k.CANCELLED, index, 0, k.WITHDRAWN, k.ENTRY))
            self.phase = 0
        if self.phase == 1:
            lots = float(self.lots)
            rows.append(row(k.FILL, index, 0, 1, k.ENTRY, lots, PRICE, PRICE, 0, 0, 1))
            rows.append(row(k.OPENED, index, 0, 1, lots, PRICE, PRICE - 9_000, PRICE + GAIN, 0))
            self.phase = 2
        elif self.phase == 2:
            self.phase = 3
        elif self.phase == 3:
            rows += self.close(index, 1, k.TARGET, PRICE + GAIN)
        if self.phase in (2, 3) and control & k.FLATTEN:
            rows += self.close(index, 0, k.OPERATOR, PRICE)
        if self.phase == 0 and not control & k.ENTRIES_OFF and not self.ruined:
            self.orders += 1
            self.phase = 1
            if self.lane.signals:
                rows.append(row(k.SIGNAL, index, 1, 1, 0.5, 1, index, 100.0, 50.0, PRICE))
            rows.append(row(k.ORDER, index, 1, 1, k.ENTRY, float(self.lots), PRICE, 1))
        return rows

    def close(self, index: int, at_close: int, intent: int, price: int) -> list[list[float]]:
        self.phase = 0
        self.trades += 1
        lots = float(self.lots)
        gross = (price - PRICE) * lots * UNIT
        told = gross + (1.0 if self.trades == self.script.lie_at else 0.0)
        return [
            row(k.ORDER, index, at_close, -1, intent, lots, price, 0),
            row(k.FILL, index, at_close, -1, intent, lots, price, price, 0, 0, 0),
            row(
                k.CLOSED,
                index,
                at_close,
                *(1, lots, PRICE, price, gross, 0, 0, 0, told, 0, gross, 2, intent),
            ),
            *self.ruin(index),
        ]

    def ruin(self, index: int) -> list[list[float]]:
        told = self.trades == self.script.ruin_at
        return [row(k.RUINED, index, 1, 5e8, 6e8)] if told else []


def row(kind: int, bar: int, at_close: int, *values: float) -> list[float]:
    cells = [float(kind), float(bar), float(at_close), *map(float, values)]
    return cells + [0.0] * (k.RECORD_WIDTH - len(cells))


class ScriptedRunner:
    def __init__(self, lanes: Sequence[Lane], script: Script) -> None:
        self.lanes = [ScriptedLane(lane, script) for lane in lanes]

    def run(self, stretch: Stretch, controls: Sequence[int]) -> Block:
        (bars,) = stretch
        records = []
        for lane, control in zip(self.lanes, controls, strict=True):
            rows = [cells for index in range(len(bars)) for cells in lane.step(index, control)]
            records.append(np.array(rows).reshape(-1, k.RECORD_WIDTH))
        return ScriptedBlock(records, [bars["timestamp"].copy()], [bars["close"][None, :].copy()])

    def limit(self, rows: Sequence[Any]) -> None:
        assert len(rows) == len(self.lanes)

    def tell(self, symbol: int, told: Told) -> None:
        assert symbol == 0  # it trades one, and looks at no market

    def state(self) -> bytes:
        return b"".join(
            struct.pack("<3q", lane.phase, lane.orders, lane.trades) for lane in self.lanes
        )

    def restore(self, data: bytes) -> None:
        for lane, values in zip(self.lanes, struct.iter_unpack("<3q", data), strict=True):
            lane.phase, lane.orders, lane.trades = values


class ScriptedKernel(EngineKernel):
    """Compiles for real, then makes a winning trade every three bars whatever the market does."""

    def __init__(self, script: Script | None = None, identity: str = "scripted") -> None:
        super().__init__()
        self.script = script or Script()
        self._identity = identity

    @property
    def identity(self) -> str:
        return self._identity

    def runner(
        self,
        program: Program,
        parameters: Mapping[str, float],
        markets: Sequence[Any],
        base_ms: int,
        lanes: Sequence[Lane],
    ) -> Runner:
        return ScriptedRunner(lanes, self.script)
