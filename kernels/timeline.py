"""What depends on time and prices alone: computed once per block, read by every account.

Base bars become the tape (prices in whole ticks, the calendar, which strategy bars close where) and
the candles of the strategy's own and of its higher timeframes. No backend computes these again, so
none can disagree about them. The state between blocks goes in and comes out.

A bar of a longer timeframe closes when its last base bar arrives, or a later one. Higher bars are
seen at the strategy close that follows their own close; where two closed since the last one (after
a gap), they are taken one at a time.
"""

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from kernels import build, dtypes
from kernels.frontend.flat import TIMEFRAMES

Array = np.ndarray[Any, Any]

FIXED = 2  # doubles of memory before those of the frames: day_ends, mark_at
FRAME = 7  # of a frame: bucket, open, high, low, close, volume, 1 where it holds a bar
WAITING = 16  # of a higher frame: seen candle (5), how many wait (1), up to two of them (5 each)
SEEN, COUNT, FIRST = 0, 5, 6


@dataclass(frozen=True)
class Block:
    """A block of bars as the kernels read it."""

    tape: Array  # float64 [T, len(TAPE)]
    candles: Array  # float64 [m, columns]
    closes: Array  # int64 [m]: open times of the strategy bars, ms


class Timeline:
    """Turns bars into tape and candles, block by block."""

    def __init__(self, timeframe: str, higher: tuple[str, ...], base_ms: int, tick: float) -> None:
        self.base_ms = base_ms
        self.tick = tick
        names = (timeframe, *higher)
        self.spans = np.array([TIMEFRAMES[name] * 60_000 for name in names], np.int64)
        self.columns = 5 + 6 * len(higher)
        self.memory = np.zeros(FIXED + FRAME * len(names) + WAITING * len(higher))
        for h in range(len(higher)):
            at = FIXED + FRAME * len(names) + WAITING * h
            self.memory[at : at + 5] = np.nan

    def take(self, bars: Array) -> Block:
        """Take the next bars, every figure of them finite."""
        tape = np.empty((len(bars), len(dtypes.TAPE.names or ())))
        candles = np.empty((len(bars) + 1, self.columns))
        closes = np.empty(len(bars) + 1, np.int64)
        count = compiled().timeline(
            bars, self.base_ms, self.tick, self.spans, self.memory, tape, candles, closes
        )
        return Block(tape, candles[:count], closes[:count])


def first_bad(bars: Array) -> int:
    """Index of the first bar with a figure that is not finite, else −1."""
    return int(compiled().first_bad(bars))


def refuse(bars: Array, at: int) -> None:
    """Raise ValueError naming the figure of a bar that is not finite."""
    bar = bars[at]
    time = int(bar["timestamp"])
    for name in bars.dtype.names or ():
        if not np.isfinite(bar[name]):
            raise ValueError(f"{name} of the bar at {time} was {bar[name]}, must be finite")
    raise ValueError(f"figures of the bar at {time} were too large to add up")


@cache
def compiled() -> ModuleType:
    """The functions below, compiled once for every strategy."""
    return build.load("timeline", SOURCE)


SOURCE = f'''"""Generated: do not edit."""

import numpy as np
from numba import njit

COMPILE = dict(cache=True, nogil=True, fastmath=False, error_model="numpy")
FIXED, FRAME, WAITING, SEEN, COUNT, FIRST = {FIXED}, {FRAME}, {WAITING}, {SEEN}, {COUNT}, {FIRST}
DAY, HOUR = 86400000.0, 3600000.0


@njit(**COMPILE)
def first_bad(bars):
    """Index of the first bar with a figure that is not finite, else -1."""
    for i in range(bars.shape[0]):
        total = bars[i].open + bars[i].high + bars[i].low + bars[i].close
        total += bars[i].volume + bars[i].funding
        if not total - total == 0.0:
            return i
    return -1


@njit(**COMPILE)
def close_higher(spans, memory, h):
    """Put a higher candle among those that wait to be seen."""
    frame = FIXED + FRAME * (h + 1)
    at = FIXED + FRAME * spans.shape[0] + WAITING * h
    waiting = int(memory[at + COUNT])
    for n in range(5):
        memory[at + FIRST + 5 * waiting + n] = memory[frame + 1 + n]
    memory[at + COUNT] = waiting + 1.0
    memory[frame + 6] = 0.0


@njit(**COMPILE)
def close_own(spans, memory, candles, closes, m):
    """Write a strategy bar and the higher ones seen with it; gives how many there are now."""
    for n in range(5):
        candles[m, n] = memory[FIXED + 1 + n]
    closes[m] = np.int64(memory[FIXED])
    memory[FIXED + 6] = 0.0
    for h in range(spans.shape[0] - 1):
        at = FIXED + FRAME * spans.shape[0] + WAITING * h
        column = 5 + 6 * h
        candles[m, column] = 0.0
        if memory[at + COUNT] > 0.0:
            candles[m, column] = 1.0
            for n in range(5):
                memory[at + SEEN + n] = memory[at + FIRST + n]
                memory[at + FIRST + n] = memory[at + FIRST + 5 + n]
            memory[at + COUNT] -= 1.0
        for n in range(5):
            candles[m, column + 1 + n] = memory[at + SEEN + n]
    return m + 1


@njit(**COMPILE)
def close_frames(spans, memory, candles, closes, m, moment):
    """Close what is over at a moment: higher frames first, so that the own one sees their figures.

    A bar's open closes late what it leaves behind, its end what it completes.
    """
    for f in range(spans.shape[0] - 1, -1, -1):
        frame = FIXED + FRAME * f
        if memory[frame + 6] != 0.0:
            if np.float64(moment) >= memory[frame] + np.float64(spans[f]):
                if f == 0:
                    m = close_own(spans, memory, candles, closes, m)
                else:
                    close_higher(spans, memory, f - 1)
    return m


@njit(**COMPILE)
def earliest(spans, memory):
    """When the first of the frames that hold a bar is over."""
    due = np.inf
    for f in range(spans.shape[0]):
        frame = FIXED + FRAME * f
        if memory[frame + 6] != 0.0:
            due = min(due, memory[frame] + np.float64(spans[f]))
    return due


@njit(**COMPILE)
def timeline(bars, base_ms, tick, spans, memory, tape, candles, closes):
    """Fill tape, candles and closes; gives how many strategy bars closed."""
    m = 0
    due = earliest(spans, memory)
    for i in range(bars.shape[0]):
        opened = bars[i].timestamp
        time, ends = np.float64(opened), np.float64(opened + base_ms)
        before = m
        if time >= due:
            m = close_frames(spans, memory, candles, closes, m, opened)
            due = earliest(spans, memory)
        for f in range(spans.shape[0]):
            frame = FIXED + FRAME * f
            if memory[frame + 6] == 0.0:
                memory[frame] = np.float64(opened - opened % spans[f])
                memory[frame + 1] = bars[i].open
                memory[frame + 2] = bars[i].high
                memory[frame + 3] = bars[i].low
                memory[frame + 5] = 0.0
                memory[frame + 6] = 1.0
                due = min(due, memory[frame] + np.float64(spans[f]))
            if bars[i].high > memory[frame + 2]:
                memory[frame + 2] = bars[i].high
            if bars[i].low < memory[frame + 3]:
                memory[frame + 3] = bars[i].low
            memory[frame + 4] = bars[i].close
            memory[frame + 5] = memory[frame + 5] + bars[i].volume
        if ends >= due:
            m = close_frames(spans, memory, candles, closes, m, opened + base_ms)
            due = earliest(spans, memory)
        new_day = 1.0 if time >= memory[0] else 0.0
        if new_day > 0.0:
            memory[0] = (np.floor(time / DAY) + 1.0) * DAY
        if memory[1] == 0.0:
            memory[1] = (np.floor(time / HOUR) + 1.0) * HOUR
        told = 1.0 if ends >= memory[1] else 0.0
        if told > 0.0:
            memory[1] = (np.floor(ends / HOUR) + 1.0) * HOUR
        tape[i, 0] = time
        tape[i, 1] = ends
        tape[i, 2] = np.floor(bars[i].open / tick + 0.5)
        tape[i, 3] = np.floor(bars[i].high / tick + 0.5)
        tape[i, 4] = np.floor(bars[i].low / tick + 0.5)
        tape[i, 5] = np.floor(bars[i].close / tick + 0.5)
        tape[i, 6] = bars[i].volume
        tape[i, 7] = bars[i].funding
        tape[i, 8] = new_day
        tape[i, 9] = memory[0]
        tape[i, 10] = told
        tape[i, 11] = np.float64(m - before)
        tape[i, 12] = np.float64(m - 1)
    wake = np.float64(bars.shape[0])
    for i in range(bars.shape[0] - 1, -1, -1):
        if tape[i, 8] > 0.0 or tape[i, 11] > 0.0:
            wake = np.float64(i)
        tape[i, 13] = wake
    return m
'''
