"""What depends on time and prices alone: computed once per block, read by every account.

Base bars become the tape (prices in whole ticks, the calendar, which strategy bars close where) and
the candles of the strategy's own and of its higher timeframes. No backend computes these again, so
none can disagree about them. The state between blocks goes in and comes out.

A bar of a longer timeframe closes when its last base bar arrives, or a later one. Higher bars are
seen at the strategy close that follows their own close; where two closed since the last one (after
a gap), they are taken one at a time.

What was told of the regime is a column beside the candles, as of the moment at which the strategy
bar is over, however late a gap lets it close. It comes from outside and is no part of the state.
"""

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from kernels import build, dtypes
from kernels.frontend.flat import TIMEFRAMES, Flat
from kernels.told import NOTHING_TOLD, Told

Array = np.ndarray[Any, Any]

# Doubles of memory before those of the frames.
DAY_ENDS, WEEK_ENDS, MONTH_ENDS, MARK_AT, FIVE_AT, TURNOVER, RANGE = range(7)
FIXED = 7
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

    def __init__(
        self,
        timeframe: str,
        higher: tuple[str, ...],
        base_ms: int,
        tick: float,
        hears: bool = False,
        told: Told = NOTHING_TOLD,
    ) -> None:
        self.base_ms = base_ms
        self.tick = tick
        self.hears = hears
        self.told = told  # what holds for the bars to come; another may take its place
        names = (timeframe, *higher)
        self.spans = np.array([TIMEFRAMES[name] * 60_000 for name in names], np.int64)
        self.columns = 5 + 6 * len(higher) + hears
        self.memory = np.zeros(FIXED + FRAME * len(names) + WAITING * len(higher))
        for h in range(len(higher)):
            at = FIXED + FRAME * len(names) + WAITING * h
            self.memory[at : at + 5] = np.nan

    @classmethod
    def of(cls, flat: Flat, base_ms: int, tick: float, told: Told = NOTHING_TOLD) -> "Timeline":
        """The timeline of the columns that a strategy reads, with what was told of the regime."""
        return cls(flat.timeframe, flat.higher, base_ms, tick, flat.hears, told)

    def take(self, bars: Array) -> Block:
        """Take the next bars, every figure of them finite."""
        tape = np.empty((len(bars), len(dtypes.TAPE.names or ())))
        candles = np.empty((len(bars) + 1, self.columns))
        closes = np.empty(len(bars) + 1, np.int64)
        count = compiled().timeline(
            bars, self.base_ms, self.tick, self.spans, self.memory, tape, candles, closes
        )
        if self.hears:
            candles[:count, -1] = self.told.at(closes[:count] + self.spans[0])
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


COLUMNS = "\n".join(
    f"AT_{name.upper()} = {column}" for column, name in enumerate(dtypes.TAPE.names or ())
)
SOURCE = f'''"""Generated: do not edit."""

import numpy as np
from numba import njit

COMPILE = dict(cache=True, nogil=True, fastmath=False, error_model="numpy")
FIXED, FRAME, WAITING, SEEN, COUNT, FIRST = {FIXED}, {FRAME}, {WAITING}, {SEEN}, {COUNT}, {FIRST}
DAY_ENDS, WEEK_ENDS, MONTH_ENDS, MARK_AT, FIVE_AT, TURNOVER, RANGE = range(7)
DAY, HOUR, FIVE = 86400000.0, 3600000.0, 300000.0
MONDAY = 3.0  # 1970 began on a Thursday
{COLUMNS}


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
def month_end(day):
    """Days from 1970 to the first of the month after that of a day, proleptic Gregorian.

    Years are counted from March, so that a leap day is the last of its year; 146,097 days are 400
    years.
    """
    since = day + 719468  # from 1 March 0000
    era = since // 146097
    of_era = since - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153  # 0 is March
    begun = (153 * month + 2) // 5
    following = (153 * (month + 1) + 2) // 5
    if month == 11:  # February: to 1 March of the year after
        leap = 1 if (year + 1) % 4 == 0 and ((year + 1) % 100 != 0 or (year + 1) % 400 == 0) else 0
        following = begun + 28 + leap
    return np.float64(day - of_year + following)


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
        new_day = time >= memory[DAY_ENDS]
        new_week = time >= memory[WEEK_ENDS]
        new_month = time >= memory[MONTH_ENDS]
        if new_day:
            day = np.floor(time / DAY)
            memory[DAY_ENDS] = (day + 1.0) * DAY
            memory[WEEK_ENDS] = (np.floor((day + MONDAY) / 7.0) + 1.0) * 7.0 * DAY - MONDAY * DAY
            memory[MONTH_ENDS] = month_end(np.int64(day)) * DAY
        if memory[MARK_AT] == 0.0:
            memory[MARK_AT] = (np.floor(time / HOUR) + 1.0) * HOUR
            memory[FIVE_AT] = (np.floor(time / FIVE) + 1.0) * FIVE
        told = ends >= memory[MARK_AT]
        if told:
            memory[MARK_AT] = (np.floor(ends / HOUR) + 1.0) * HOUR
        five = ends >= memory[FIVE_AT]
        if five:
            memory[FIVE_AT] = (np.floor(ends / FIVE) + 1.0) * FIVE
        high = np.floor(bars[i].high / tick + 0.5)
        low = np.floor(bars[i].low / tick + 0.5)
        close = np.floor(bars[i].close / tick + 0.5)
        row = tape[i]
        row[AT_OPEN] = np.floor(bars[i].open / tick + 0.5)
        row[AT_HIGH] = high
        row[AT_LOW] = low
        row[AT_CLOSE] = close
        row[AT_FUNDING] = bars[i].funding
        row[AT_CLOSED] = np.float64(m - before)
        row[AT_INDEX] = np.float64(m - 1)
        row[AT_NEW_DAY] = np.float64(new_day)
        row[AT_TIMESTAMP] = time
        row[AT_CLOSES_AT] = ends
        row[AT_MARK_DUE] = np.float64(told)
        row[AT_FIVE] = np.float64(five)
        row[AT_VOLUME] = bars[i].volume
        row[AT_TURNOVER] = memory[TURNOVER]
        row[AT_RANGE] = memory[RANGE]
        row[AT_DAY_ENDS] = memory[DAY_ENDS]
        row[AT_NEW_WEEK] = np.float64(new_week)
        row[AT_WEEK_ENDS] = memory[WEEK_ENDS]
        row[AT_NEW_MONTH] = np.float64(new_month)
        row[AT_MONTH_ENDS] = memory[MONTH_ENDS]
        memory[TURNOVER] = bars[i].volume * (close * tick) * 1e8
        memory[RANGE] = (high - low) / close if close > 0.0 else 0.0
    wake = np.float64(bars.shape[0])
    for i in range(bars.shape[0] - 1, -1, -1):
        if tape[i, AT_NEW_DAY] > 0.0 or tape[i, AT_CLOSED] > 0.0:
            wake = np.float64(i)
        tape[i, AT_WAKE] = wake
    return m
'''
