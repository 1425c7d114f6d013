"""Charts drawn by hand, and what a shipped strategy makes of them.

A chart is in bars of the strategy's own timeframe, beginning at midnight UTC, each bar opening
where the one before closed. Prices are near 100, so that a tick of 0.01 is a hundredth of a per
cent and rounding decides nothing.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Self

import pytest

from kernels import dtypes
from kernels.frontend.flat import TIMEFRAMES
from kernels.program import Program
from kernels.runner import Block, LaneSpec, Runner
from tests.kernel_runs import CAPITAL, SHIPPED, Array, bars_of, limits, market, program_of

FOLDER = SHIPPED[0].parent


@dataclass
class Chart:
    """Bars drawn one after another."""

    price: float = 100.0  # close of the last bar
    volume: float = 10.0  # of a bar, where none is told
    wick: float = 0.05  # beyond open and close, where none is told
    rows: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def bar(
        self,
        close: float,
        *,
        high: float | None = None,
        low: float | None = None,
        volume: float | None = None,
    ) -> Self:
        """One bar from the last close to `close`."""
        top, bottom = max(self.price, close) + self.wick, min(self.price, close) - self.wick
        self.rows.append(
            (
                self.price,
                top if high is None else high,
                bottom if low is None else low,
                close,
                self.volume if volume is None else volume,
            )
        )
        self.price = close
        return self

    def line(self, to: float, bars: int, volume: float | None = None) -> Self:
        """A straight way to `to`, in equal steps."""
        begin = self.price
        for n in range(1, bars + 1):
            self.bar(round(begin + (to - begin) * n / bars, 6), volume=volume)
        return self

    def ripple(self, bars: int, size: float = 0.1, volume: float | None = None) -> Self:
        """Up by `size` and down again, in turn: an even number ends where it began."""
        for n in range(bars):
            self.bar(round(self.price + (size if n % 2 == 0 else -size), 6), volume=volume)
        return self

    def stairs(self, forth: float, back: float, bars: int) -> Self:
        """By `forth` and back by `back`, in turn."""
        for n in range(bars):
            self.bar(round(self.price + (forth if n % 2 == 0 else -back), 6))
        return self

    def path(self, *closes: float) -> Self:
        """One bar to each of the closes."""
        for close in closes:
            self.bar(close)
        return self

    def seen_from(self, side: int) -> "Chart":
        """The chart as it is for a long; for a short (-1), upside down around 100."""
        if side > 0:
            return self
        rows = [(200 - o, 200 - low, 200 - high, 200 - c, v) for o, high, low, c, v in self.rows]
        return Chart(200 - self.price, self.volume, self.wick, rows)


@dataclass(frozen=True)
class Signal:
    """A turn of `entry()` to a side: the bar is counted from 0 in the strategy's timeframe."""

    bar: int
    side: int
    tag: str
    confidence: float
    stop: float  # distance, quote
    target: float  # distance of the first, quote


@dataclass(frozen=True)
class Reading:
    """All that a strategy made of a chart."""

    program: Program
    block: Block

    @property
    def signals(self) -> list[Signal]:
        rows = self.block.records[0]
        return [
            Signal(
                bar=int(row[dtypes.D]),
                side=int(row[dtypes.A]),
                tag=self.program.tags[int(row[dtypes.C])],
                confidence=float(row[dtypes.B]),
                stop=float(row[dtypes.E]),
                target=float(row[dtypes.F]),
            )
            for row in rows[rows[:, dtypes.KIND] == dtypes.SIGNAL]
        ]

    @property
    def exits(self) -> list[str]:
        """Why each trade was closed for good, in order."""
        rows = self.block.records[0]
        closed = rows[rows[:, dtypes.KIND] == dtypes.CLOSED]
        return [dtypes.INTENTS[int(code)] for code in closed[:, dtypes.M]]

    def at_end(self, name: str) -> float:
        """A named series at the last bar; conditions are 1 and 0."""
        return float(self.block.series[self.program.series_names.index(name), -1])


@cache
def shipped(name: str) -> Program:
    return program_of(FOLDER / f"{name}.py")


def read(name: str, bars: Chart | Array, **parameters: float) -> Reading:
    """Run a shipped strategy over a chart or bars of its own timeframe."""
    program = shipped(name)
    step = TIMEFRAMES[program.timeframe] * 60_000
    if isinstance(bars, Chart):
        bars = bars_of(bars.rows, step=step)
    return Reading(program, runner_for(program, step, **parameters).run(bars, [0]))


def runner_for(program: Program, step: int, **parameters: float) -> Runner:
    """A runner over base bars of `step` ms: 1x, no costs, limits off."""
    return Runner(program, parameters, market(), step, [LaneSpec(1, CAPITAL, limits())])


def heard(found: Reading) -> list[tuple[int, int, str]]:
    """Each signal's bar, side and tag."""
    return [(signal.bar, signal.side, signal.tag) for signal in found.signals]


def at_last(found: Reading) -> tuple[int, str] | None:
    """Side and tag of a signal at the very last bar, if there is one."""
    bars = len(found.block.closes)
    return next(((s.side, s.tag) for s in found.signals if s.bar == bars - 1), None)


def assert_lacks_only(name: str, chart: Chart, side: int, **relaxed: float) -> None:
    """Nothing is heard, but with the one parameter relaxed it would have been, on that side."""
    seen = chart.seen_from(side)
    assert heard(read(name, seen)) == []
    if relaxed:
        assert read(name, seen, **relaxed).signals[-1].side == side


def assert_crude(name: str, chart: Chart, side: int, tags: tuple[str, str]) -> None:
    """The one signal is at the last bar, with a stop at 0.3 % and a first target at 0.26 %."""
    found = read(name, chart.seen_from(side))
    assert heard(found) == [(len(chart.rows) - 1, side, tags[side < 0])]
    price = chart.seen_from(side).price
    assert found.signals[0].stop == pytest.approx(0.003 * price)
    assert found.signals[0].target == pytest.approx(0.0026 * price)
    assert 0 < found.signals[0].confidence <= 1
