"""What the price did while trades were open and after they were over, trade by trade.

All of one symbol's trades at once, in whole ticks; docs/loss-patterns.md says what each figure is
for. A level counts as touched where the price came to it, a target as filled one tick beyond it, as
in the trading rules.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from application.improvement.losses.holding import Holding
from application.improvement.losses.price_paths import NEVER, PricePath

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Entered:
    """One symbol's closed trades: a value each, levels as signed ticks."""

    side: Array
    entry: Array  # as filled
    reference: Array  # before slippage
    stop: Array  # as planned
    target: Array  # the first as planned; NaN none
    left: Array  # at which price the last exit was, before slippage
    stopped: Array  # bool: by its stop, inside a bar
    entry_at: Array  # ms
    exit_at: Array
    entry_bar: Array  # place of the bar
    exit_bar: Array
    after: Array  # the first bar that lies after it

    @property
    def risk(self) -> Array:
        """Planned stop distance, ticks; NaN where there is none."""
        distance = self.entry - self.stop
        return np.where(distance > 0.0, distance, np.nan)


def courses(path: PricePath, trades: Entered, holding: Holding, bar_ms: int) -> dict[str, Array]:
    """Give every figure of `Afterwards` and `Turns`, `late` and `later`, by name.

    A value for each trade, truth as 1 or 0, NaN for what could not be told. `bar_ms` is the length
    of a strategy bar.
    """
    horizon = holding.horizon * bar_ms
    return {
        **afterwards(path, trades, horizon),
        **after_stop(path, trades, horizon),
        **after_target(path, trades, horizon),
        **half_way(path, trades, horizon),
        **halves(path, trades, holding.all, bar_ms),
    }


def afterwards(path: PricePath, trades: Entered, horizon: int) -> dict[str, Array]:
    over = trades.exit_at + horizon
    best, worst = path.extremes(trades.side, trades.after, path.before(over))
    return {
        "minutes": (np.minimum(over, path.end) - trades.exit_at) // 60_000,
        "best": (best - trades.entry) / trades.risk,
        "worst": (worst - trades.entry) / trades.risk,
        "entry_again": truth(best >= trades.entry, best),
        "target_reached": truth(best > trades.target, best + trades.target),
    }


def after_stop(path: PricePath, trades: Entered, horizon: int) -> dict[str, Array]:
    """From the stop on: back to the entry, and to the target, against as far again beyond it."""
    side, reference, left, target = trades.side, trades.reference, trades.left, trades.target
    bar = trades.exit_bar
    best_then, _ = path.extremes(side, bar, bar + 1)
    begun = trades.stopped & (left < reference) & ~(best_then >= target)
    best, _ = path.extremes(side, trades.entry_bar, bar)
    against = ~(best - reference >= (reference - left) / 2.0)  # from the first

    def race(up: Array, wanted: Array) -> Array:
        begin, end = following(path, bar, horizon)
        return kept(path.race(side, begin, end, up, left - (up - left)), wanted & (up > left))

    return {
        "after_stop_to_entry": race(reference, begun),
        "after_stop_to_target": race(target, begun & against),
    }


def after_target(path: PricePath, trades: Entered, horizon: int) -> dict[str, Array]:
    """The mirror of `after_stop`: from the first target on, back against as far again beyond it."""
    side, reference, stop, target = trades.side, trades.reference, trades.stop, trades.target
    bar = path.up(side, trades.entry_bar, trades.after, target)
    touched = bar < NEVER
    bar = np.where(touched, bar, 0)
    _, worst_then = path.extremes(side, bar, bar + 1)
    both = (worst_then <= stop) | (trades.stopped & (bar == trades.exit_bar))
    begun = touched & (target > reference) & ~both
    _, worst = path.extremes(side, trades.entry_bar, np.maximum(bar, trades.entry_bar))
    well = ~(reference - worst >= (target - reference) / 2.0)

    def race(down: Array, wanted: Array) -> Array:
        begin, end = following(path, bar, horizon)
        ahead = path.race(side, begin, end, target + (target - down), down)
        return kept(1.0 - ahead, wanted & (down < target))

    return {
        "after_target_to_entry": race(reference, begun),
        "after_target_to_stop": race(stop, begun & well),
    }


def half_way(path: PricePath, trades: Entered, horizon: int) -> dict[str, Array]:
    """From half way to a level on: back to the entry, against on to the level."""
    side, reference = trades.side, trades.reference
    ahead = path.up(side, trades.entry_bar, trades.after, (reference + trades.target) / 2.0)
    back = path.down(side, trades.entry_bar, trades.after, (reference + trades.stop) / 2.0)
    came, went = ahead < NEVER, back < NEVER
    begin, end = following(path, np.where(came, ahead, 0), horizon)
    on = path.race(side, begin, end, trades.target, reference)
    begin, end = following(path, np.where(went, back, 0), horizon)
    up = path.race(side, begin, end, reference, trades.stop)
    return {
        "half_target": truth(came, trades.target),
        "half_target_to_entry": kept(1.0 - on, came & (trades.target > reference)),
        "half_stop_to_entry": kept(up, went & (trades.stop < reference)),
    }


def halves(path: PricePath, trades: Entered, bars: int | None, bar_ms: int) -> dict[str, Array]:
    """What the price made in the second half of the longest holding, and in the time after it."""
    if bars is None:
        nothing = np.full(len(trades.side), np.nan)
        return {"late": nothing, "later": nothing}
    whole = bars * bar_ms
    middle = trades.entry_at + whole // 2
    at = [path.closing(trades.entry_at + length) for length in (whole // 2, whole, whole * 3 // 2)]
    late, later = (
        kept(trades.side * (one - other) / trades.risk, trades.exit_at > middle)
        for one, other in ((at[1], at[0]), (at[2], at[1]))
    )
    return {"late": late, "later": later}


def following(path: PricePath, bar: Array, horizon: int) -> tuple[Array, Array]:
    """The bars after one, until the horizon after its close."""
    if len(path.times) == 0:
        return bar + 1, bar + 1
    return bar + 1, path.before(path.times[bar] + path.base_ms + horizon)


def truth(said: Array, known: Array) -> Array:
    return np.where(np.isnan(known), np.nan, said.astype(np.float64))


def kept(values: Array, wanted: Array) -> Array:
    return np.where(wanted, values, np.nan)
