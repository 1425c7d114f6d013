"""Many parameter sets of one strategy, each an account on several symbols, day by day.

A search and its validation look at many sets over the same stretches of time. Every account is
opened anew where a span begins, and trades it as a `JointRunner` of its set alone would, bit for
bit: one that ran from the first bar with entries off up to the span, and without from there on.
Nothing depends on threads, on how time is cut, or on which accounts run together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kernels import dtypes, joint
from kernels.backends.lanes_trials import LanesTrials
from kernels.constants import constants
from kernels.joint_runner import first_desk
from kernels.program import Program, compiled_once
from kernels.runner import LaneSpec, reach_of
from kernels.sweep.course import DAY, Course, Cuts, Span
from kernels.sweep.sets import listed
from kernels.timeline import Timeline, first_bad, refuse
from kernels.told import NOTHING_TOLD, Told
from kernels.trial_step import COUNTED, TrialStep, trial_step

Array = np.ndarray[Any, Any]

__all__ = ["Span", "TrialSettings", "Trials", "trials"]


@dataclass(frozen=True)
class TrialSettings:
    """What is the same for all accounts."""

    markets: tuple[Array, ...]  # rows of dtypes.MARKET, one per symbol
    limits: Array  # one row of dtypes.LIMITS
    leverage: int
    capital: float  # 1e-8 quote
    base_ms: int


@dataclass(frozen=True)
class Trials:
    """What became of every account, by day and by span."""

    days: Array  # int64 [D], UTC midnights, ascending: every day of every span, in order
    span: Array  # int64 [D], index of the span each day belongs to
    pnl: Array  # float64 [accounts, D], money: equity change over that day, at last closes
    trades: Array  # int64 [accounts, S], closed
    wins: Array  # int64 [accounts, S]: of them, with a net above 0
    profit: Array  # float64 [accounts, S], money: Σ net of the wins
    loss: Array  # float64 [accounts, S], money: −Σ net of the others
    ruined: Array  # bool [accounts, S]


def trials(
    program: Program,
    stretch: Sequence[Array],
    sets: Mapping[str, Array],
    settings: TrialSettings,
    spans: Sequence[Span],
    *,
    slippage: Array | None = None,
    told: Sequence[Told] = (),
    threads: int = 1,
) -> Trials:
    """Trade every set of `sets` (a value per account for every parameter) over every span.

    `stretch` holds each symbol's bars, in the order of the markets; series are as warm as all bars
    before make them. `slippage`: a factor on every market's slippage for each account. `told`: what
    was said of each symbol's regime, if anything. Raises ParameterError; ValueError for bars that
    cannot be traded on, or spans that are no whole days one after another.
    """
    if threads < 1:
        raise ValueError(f"threads were {threads}, must be at least 1")
    check_bars(program, stretch, settings)
    check_spans(spans)
    several, step = prepared(program.text, program.name, program.imposed, known(settings))
    values = constants(several.flat, dict(listed(several.parameters, sets).columns))
    accounts = desks(several, values, settings, slippage)
    machine = LanesTrials(step, values, accounts, len(stretch), len(spans), threads)
    course = course_of(several, stretch, settings, spans, told)
    equity = np.full((len(accounts), len(course.days)), settings.capital)
    able = settings.capital * accounts[:, REACH]
    tiles = course.tiles(able, cuts_of(machine, program.timeframe_ms // settings.base_ms))
    coming = [next(tiles, None)]
    while (now := coming.pop()) is not None:
        tile, days = now
        closing = machine.run(tile, lambda: coming.append(next(tiles, None)))
        for part in np.flatnonzero(days >= 0):  # of a day that was cut the later part counts
            equity[:, days[part]] = closing[:, part]
    figures = {name: machine.figures(name) for name in COUNTED}
    return Trials(
        days=course.days,
        span=course.span,
        pnl=changes(equity, course, settings.capital),
        trades=figures["trades"].astype(np.int64),
        wins=figures["wins"].astype(np.int64),
        profit=figures["profit"],
        loss=figures["loss"],
        ruined=figures["ruined"] > 0.0,
    )


REACH = joint.slot("account", "reach")
Known = tuple[tuple[tuple[str, str], float], ...]


@lru_cache(maxsize=32)
def prepared(
    text: str, name: str, imposed: tuple[str, float] | None, what_is_known: Known
) -> tuple[Program, TrialStep]:
    """A strategy for accounts on several symbols, and its step: a search asks for it often."""
    program = compiled_once(text, name, imposed, several=True)
    return program, trial_step(program.flat, dict(what_is_known))


def course_of(
    program: Program,
    stretch: Sequence[Array],
    settings: TrialSettings,
    spans: Sequence[Span],
    told: Sequence[Told],
) -> Course:
    markets, base = settings.markets, settings.base_ms
    said = told or [NOTHING_TOLD for _ in markets]
    if len(said) != len(markets):
        raise ValueError(f"told was of {len(said)} symbols, must be of {len(markets)}")
    pairs = zip([float(market["tick"][0]) for market in markets], said, strict=True)
    timelines = [Timeline.of(program.flat, base, tick, each) for tick, each in pairs]
    clock = Timeline(program.timeframe, (), base, 1.0)
    return Course(stretch, spans, markets, timelines, clock)


def cuts_of(machine: LanesTrials, bars: int) -> Cuts:
    """How the machine wants time cut, `bars` base bars to one of the strategy's."""
    return Cuts(machine.step.looked_at, machine.width, bars * machine.tile, bars * machine.piece)


def check_bars(program: Program, stretch: Sequence[Array], settings: TrialSettings) -> None:
    markets, base = settings.markets, settings.base_ms
    if not 1 <= len(markets) <= joint.MOST_SYMBOLS:
        raise ValueError(f"markets were {len(markets)}, must be 1 to {joint.MOST_SYMBOLS}")
    if len(stretch) != len(markets):
        raise ValueError(f"bars were of {len(stretch)} symbols, must be of {len(markets)}")
    if program.timeframe_ms % base:
        raise ValueError(
            f"timeframe of {program.name} was {program.timeframe}, must be a multiple of the"
            f" base bars' {base // 1000} s"
        )
    if not any(map(len, stretch)):
        raise ValueError("bars were none, must be at least one")
    for bars in stretch:
        if len(bars) and bars["timestamp"][0] < 0:
            at = bars["timestamp"][0]
            raise ValueError(f"first bar was at {at}, must not be before 1970")
        bad = first_bad(bars)
        if bad >= 0:
            refuse(bars, bad)


def check_spans(spans: Sequence[Span]) -> None:
    if not spans:
        raise ValueError("spans were none, must be at least one")
    before = 0
    for span in spans:
        if span.start % DAY or span.end % DAY:
            raise ValueError(f"span was {span.start} to {span.end} ms, must be between midnights")
        if not before <= span.start < span.end:
            raise ValueError(
                f"span was {span.start} to {span.end} ms, must begin at or after {before} ms and"
                " end after it began"
            )
        before = span.end


def known(settings: TrialSettings) -> Known:
    """What decides for all accounts which statements can run at all."""
    found = {("control", name): 0.0 for name in dtypes.CONTROL.names or ()}
    found["limits", "enforced"] = float(settings.limits["enforced"][0])
    for name in ("dynamic", "perpetual"):
        flags = {float(market[name][0]) for market in settings.markets}
        if len(flags) == 1:
            found["market", name] = flags.pop()
    return tuple(found.items())


def desks(
    program: Program, values: Array, settings: TrialSettings, slippage: Array | None
) -> Array:
    """The accounts before their first bar, float64 [accounts, joint.size(symbols)]."""
    spec = LaneSpec(settings.leverage, settings.capital, settings.limits)
    first = first_desk(program, values[0], spec, settings.markets)
    found = np.tile(first, (len(values), 1))
    found[:, REACH] = [reach_of(program.flat, row, settings.leverage) for row in values]
    if slippage is None:
        return found
    factors = np.asarray(slippage, np.float64)
    if factors.shape != (len(values),) or not (factors >= 0.0).all():
        raise ValueError(f"slippage was {slippage}, must be a factor from 0 on for every account")
    for s in range(len(settings.markets)):
        found[:, joint.slot("market", "slippage", s)] *= factors
    return found


def changes(equity: Array, course: Course, capital: float) -> Array:
    """What each day changed; a day without a bar changed nothing."""
    found = np.zeros_like(equity)
    before = np.full(len(equity), capital)
    for day in range(equity.shape[1]):
        if day and course.span[day] != course.span[day - 1]:
            before = np.full(len(equity), capital)
        if course.begins[day] < course.ends[day]:
            found[:, day] = equity[:, day] - before
            before = equity[:, day]
    return found
