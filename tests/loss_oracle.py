"""What followed a trade, read off the bars one by one as a person would with a chart and a pencil.

Written from docs/loss-patterns.md; shares nothing with the code that it checks.
"""

from dataclasses import dataclass
from typing import Any

from application.ports import Bars

NAN = float("nan")
TINY = 1e-9


@dataclass(frozen=True)
class Deal:
    """One closed trade, prices as they are."""

    side: int
    fill: float
    reference: float
    stop: float
    target: float | None
    left: float  # price of the last exit before slippage
    stopped: bool  # by its stop, inside a bar
    entry_at: int
    exit_at: int


class Chart:
    """A market seen from one side: prices × side, so that up is always good."""

    def __init__(self, bars: Bars, base_ms: int, deal: Deal) -> None:
        self.base_ms, self.side, self.deal = base_ms, deal.side, deal
        self.rows = []
        for bar in bars:
            high, low = float(bar["high"]), float(bar["low"])
            good, bad = (high, low) if deal.side > 0 else (-low, -high)
            self.rows.append((int(bar["timestamp"]), good, bad, float(bar["close"]) * deal.side))

    def told(self, horizon: int, longest: int | None) -> dict[str, Any]:
        """Everything, by the names of the code's own columns; `horizon`, `longest` in ms."""
        deal, side = self.deal, self.side
        self.horizon = horizon
        self.reference, self.left = deal.reference * side, deal.left * side
        self.fill, self.stop = deal.fill * side, deal.stop * side
        self.target = NAN if deal.target is None else deal.target * side
        self.held = [row for row in self.rows if deal.entry_at <= row[0] < deal.exit_at]
        told: dict[str, Any] = dict.fromkeys(NAMES)
        for part in (self.followed, self.stopped, self.reached, self.half_ways):
            told |= part()
        return told | self.halves(longest)

    def followed(self) -> dict[str, Any]:
        over = self.deal.exit_at + self.horizon
        after = [row for row in self.rows if self.deal.exit_at <= row[0] < over]
        if not after:
            return {}
        best, worst = max(row[1] for row in after), min(row[2] for row in after)
        risk = self.fill - self.stop
        end = min(over, self.rows[-1][0] + self.base_ms)
        none = self.target != self.target
        return {
            "best": (best - self.fill) / risk,
            "worst": (worst - self.fill) / risk,
            "entry_again": best >= self.fill - TINY,
            "target_reached": None if none else best > self.target + TINY,
            "minutes": (end - self.deal.exit_at) // 60_000,
        }

    def stopped(self) -> dict[str, Any]:
        if not self.deal.stopped or self.left >= self.reference - TINY:
            return {}
        *before, (at, best, _, _) = self.held
        if best >= self.target - TINY:
            return {}
        told = {
            "after_stop_to_entry": self.race(at, self.reference, 2 * self.left - self.reference)
        }
        half = self.reference + (self.reference - self.left) / 2
        if self.target > self.left and all(row[1] < half - TINY for row in before):
            told["after_stop_to_target"] = self.race(at, self.target, 2 * self.left - self.target)
        return told

    def reached(self) -> dict[str, Any]:
        touches = [n for n, row in enumerate(self.held) if row[1] >= self.target - TINY]
        if not touches or self.target <= self.reference:
            return {}
        n = touches[0]
        ended = self.deal.stopped and n == len(self.held) - 1
        if ended or self.held[n][2] <= self.stop + TINY:
            return {}
        at, up = self.held[n][0], 2 * self.target
        on = self.race(at, up - self.reference, self.reference)
        told = {"after_target_to_entry": flipped(on)}
        half = self.reference - (self.target - self.reference) / 2
        if all(row[2] > half + TINY for row in self.held[:n]):
            told["after_target_to_stop"] = flipped(self.race(at, up - self.stop, self.stop))
        return told

    def half_ways(self) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if self.target == self.target:
            level = (self.reference + self.target) / 2
            half = [row for row in self.held if row[1] >= level - TINY]
            told["half_target"] = bool(half)
            if half and self.target > self.reference:
                on = self.race(half[0][0], self.target, self.reference)
                told["half_target_to_entry"] = flipped(on)
        level = (self.reference + self.stop) / 2
        half = [row for row in self.held if row[2] <= level + TINY]
        if half and self.stop < self.reference:
            told["half_stop_to_entry"] = self.race(half[0][0], self.reference, self.stop)
        return told

    def halves(self, longest: int | None) -> dict[str, Any]:
        begun = self.deal.entry_at
        if longest is None or self.deal.exit_at <= begun + longest // 2:
            return {}
        prices = [self.close(begun + span) for span in (longest // 2, longest, longest * 3 // 2)]
        told = {}
        for name, one, other in zip(("late", "later"), prices, prices[1:], strict=False):
            if one is not None and other is not None:
                told[name] = (other - one) / (self.fill - self.stop)
        return told

    def race(self, begun: int, up: float, down: float) -> bool | None:
        """Which level comes first after a bar; within one bar nobody can tell."""
        for at, good, bad, _ in self.rows:
            if begun < at < begun + self.base_ms + self.horizon:
                above, below = good >= up - TINY, bad <= down + TINY
                if above or below:
                    return above if above != below else None
        return None

    def close(self, moment: int) -> float | None:
        """The last close at a moment; None past the end."""
        if moment > self.rows[-1][0] + self.base_ms:
            return None
        known = [close for at, _, _, close in self.rows if at + self.base_ms <= moment]
        return known[-1] if known else None


def flipped(said: bool | None) -> bool | None:
    return None if said is None else not said


NAMES = (
    "minutes", "best", "worst", "entry_again", "target_reached", "after_stop_to_entry",
    "after_stop_to_target", "after_target_to_entry", "after_target_to_stop", "half_target",
    "half_target_to_entry", "half_stop_to_entry", "late", "later",
)  # fmt: skip
