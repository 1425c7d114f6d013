"""What losing trades have in common, found by counting and never by telling a story.

Every pattern is a difference of two rates that would be alike if there were nothing to it: of
trades with and without something known at their entry, or of an event and its mirror image. All
patterns are looked at together, so that of those called significant few are so by chance alone.
Only counts go in: neither the order of trades nor their size can change a pattern. Definitions, and
why each comparison is fair: docs/loss-patterns.md.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from application.improvement.losses.studied import TIME_EXITS, StudiedTrade
from domain.strategy.improvement import LossPattern
from kernels.metrics.breakdowns import tag_of
from kernels.metrics.proportions import difference, false_discoveries, p_value
from kernels.metrics.tallies import ZERO, ratio

FEWEST = 20  # trades on either side of a comparison
FALSE = 0.05  # of the patterns called significant, expected to be none
THIN = 0.5  # of the usual volume, from which down it is thin
HIGH, LOW = 1.25, 0.75  # of the usual volatility
BLOCK = 4  # hours

Is = Callable[[StudiedTrade], bool | None]  # None: the trade says nothing about it


@dataclass(frozen=True)
class Look:
    """One pattern that is looked at: how many losses show it, and two counts of so many."""

    code: str
    group: str
    count: int
    one: tuple[int, int]
    other: tuple[int, int]

    @property
    def enough(self) -> bool:
        """Whether there are trades enough to compare."""
        return self.one[1] >= FEWEST and self.other[1] >= FEWEST


def patterns(trades: Sequence[StudiedTrade]) -> tuple[LossPattern, ...]:
    """Find the patterns of losing trades, in a fixed order; none where no trade lost.

    Patterns that have no group are always told, without an effect where either side of their
    comparison has fewer than `FEWEST` trades; groups only where both have as many.
    """
    losses = sum(trade.lost for trade in trades)
    if losses == 0:
        return ()
    looks = [look for look in all_looks(trades) if look.enough or not look.group]
    compared = [look for look in looks if look.enough]
    values = [p_value(*look.one, *look.other) for look in compared]
    believed = dict(zip(compared, false_discoveries(values, FALSE), strict=True))
    return tuple(told(look, losses, believed.get(look, False)) for look in looks)


def told(look: Look, losses: int, believed: bool) -> LossPattern:
    found = difference(*look.one, *look.other) if look.enough else None
    effect, low, high = (None, None, None) if found is None else found
    return LossPattern(
        code=look.code,
        group=look.group,
        count=look.count,
        share=ratio(look.count, losses) or ZERO,
        effect=effect,
        low=low,
        high=high,
        significant=believed and effect is not None and effect > 0,
    )


def all_looks(trades: Sequence[StudiedTrade]) -> Iterator[Look]:
    yield from outcomes(trades)
    yield from groups("WRONG_REGIME", trades, lambda trade: trade.trade.regime)
    yield condition("THIN_VOLUME", trades, lambda t: below(t.volume, THIN))
    yield condition("HIGH_VOLATILITY", trades, lambda t: above(t.volatility, HIGH))
    yield condition("LOW_VOLATILITY", trades, lambda t: below(t.volatility, LOW))
    yield from groups("BAD_HOUR", trades, block_of)
    yield from groups("BAD_TAG", trades, lambda trade: tag_of(trade.trade))
    yield from groups("BAD_SYMBOL", trades, lambda trade: trade.trade.symbol)


# What was known at the entry: do trades with it lose more often than those without?


def condition(code: str, trades: Sequence[StudiedTrade], test: Is) -> Look:
    """Compare the loss rates of trades for which a test holds and for which it does not."""
    counts = {True: [0, 0], False: [0, 0]}
    for trade in trades:
        said = test(trade)
        if said is not None:
            counts[said][0] += trade.lost
            counts[said][1] += 1
    (k1, n1), (k2, n2) = counts[True], counts[False]
    return Look(code, "", k1, (k1, n1), (k2, n2))


def groups(
    code: str, trades: Sequence[StudiedTrade], key: Callable[[StudiedTrade], str | None]
) -> Iterator[Look]:
    """Compare the loss rate of each group with that of all others, in the order of their names."""
    counts: dict[str, list[int]] = {}
    for trade in trades:
        name = key(trade)
        if name is not None:
            own = counts.setdefault(name, [0, 0])
            own[0] += trade.lost
            own[1] += 1
    lost, total = (sum(own[n] for own in counts.values()) for n in range(2))
    for name, (k, n) in sorted(counts.items()):
        yield Look(code, name, k, (k, n), (lost - k, total - n))


def block_of(trade: StudiedTrade) -> str:
    first = trade.hour // BLOCK * BLOCK
    return f"{first:02}-{first + BLOCK:02}"


def below(value: float | None, bound: float) -> bool | None:
    return None if value is None else value < bound


def above(value: float | None, bound: float) -> bool | None:
    return None if value is None else value > bound


# What came of trades: does the price turn against them more often than the other way?


def outcomes(trades: Sequence[StudiedTrade]) -> Iterator[Look]:
    yield mirrored("ENTERED_EARLY", trades, "after_stop_to_target", "after_target_to_stop")
    yield mirrored("STOP_TOO_TIGHT", trades, "after_stop_to_entry", "after_target_to_entry")
    far = sum(trade.lost and trade.turns.half_target is True for trade in trades)
    sides = (turned(trades, name) for name in ("half_target_to_entry", "half_stop_to_entry"))
    yield Look("TARGET_TOO_FAR", "", far, *sides)
    yield held_too_long(trades)


def mirrored(code: str, trades: Sequence[StudiedTrade], event: str, mirror: str) -> Look:
    """Compare a turn of the price after stops with the same one, mirrored, after targets."""
    shown = sum(trade.lost and getattr(trade.turns, event) is True for trade in trades)
    return Look(code, "", shown, turned(trades, event), turned(trades, mirror))


def turned(trades: Sequence[StudiedTrade], name: str) -> tuple[int, int]:
    said = [getattr(trade.turns, name) for trade in trades]
    return said.count(True), len(said) - said.count(None)


def held_too_long(trades: Sequence[StudiedTrade]) -> Look:
    """Compare how often the price fell in the second half of a holding and in the time after."""
    pairs = [(t.late, t.later) for t in trades if t.late is not None and t.later is not None]
    shown = sum(
        trade.lost
        and trade.trade.reason in TIME_EXITS
        and trade.late is not None
        and trade.late < 0
        for trade in trades
    )
    late, later = (sum(pair[n] < 0 for pair in pairs) for n in range(2))
    return Look("HELD_TOO_LONG", "", shown, (late, len(pairs)), (later, len(pairs)))
