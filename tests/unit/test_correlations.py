"""Correlations of hourly closes: those of the last 30 days, and none where too little is known."""

from decimal import Decimal

import numpy as np
import pytest

from application.correlations import HOUR, CloseTape
from domain.venue_limits import correlation
from tests.kernel_runs import MINUTE, Array

START = 1_704_067_200_000
HOURS = 720


def walk(hours: int, seed: int, step: int) -> tuple[Array, Array]:
    """Closes of bars of `step` ms: when each was over, and whole ticks."""
    count = hours * HOUR // step
    moved = np.random.default_rng(seed).normal(0, 20, count).round()
    return START + step * np.arange(1, count + 1), 100_000 + np.cumsum(moved)


def tape_of(*walks: tuple[Array, Array], step: int = 15 * MINUTE) -> CloseTape:
    tape = CloseTape([f"S{n}" for n in range(len(walks))], step)
    for n, (times, ticks) in enumerate(walks):
        tape.take(f"S{n}", times, ticks)
    return tape


def plainly(one: tuple[Array, Array], other: tuple[Array, Array], at: int) -> Decimal | None:
    """The same from the words of the rule: hour by hour, in a dict."""
    hours: list[dict[int, Decimal]] = []
    for times, ticks in (one, other):
        hourly: dict[int, Decimal] = {}
        for time, close in zip(times.tolist(), ticks.tolist(), strict=True):
            if time <= at // HOUR * HOUR:
                hourly[-(-time // HOUR)] = Decimal(int(close))
        hours.append(hourly)
    last = at // HOUR
    common = [h for h in range(last - HOURS, last + 1) if h in hours[0] and h in hours[1]]
    if len(common) <= HOURS // 2:
        return None
    return correlation([hours[0][h] for h in common], [hours[1][h] for h in common])


@pytest.mark.parametrize("step", [5 * MINUTE, HOUR])
def test_correlation_when_bars_are_missing_then_is_that_of_the_hours_both_have(step: int) -> None:
    keep = np.random.default_rng(9)
    walks = []
    for seed in (1, 2):
        times, ticks = walk(1_000, seed, step)
        kept = keep.random(len(times)) < 0.8
        walks.append((times[kept], ticks[kept]))
    tape = tape_of(*walks, step=step)
    for hour in (300, 500, 900, 1_000):
        at = START + hour * HOUR + 1_000
        found, expected = tape.between("S0", "S1", at), plainly(*walks, at)
        assert found == expected
        if hour >= 900:
            assert found is not None
        if hour == 300:
            assert found is None


def test_correlation_when_blocks_are_cut_then_is_the_same_at_every_moment() -> None:
    walks = [walk(900, seed, 15 * MINUTE) for seed in (3, 4)]
    whole = tape_of(*walks)
    cut = CloseTape(["S0", "S1"], 15 * MINUTE)
    bounds = list(range(0, len(walks[0][0]), 61))
    for low, high in zip(bounds, [*bounds[1:], None], strict=True):
        for n, (times, ticks) in enumerate(walks):
            cut.take(f"S{n}", times[low:high], ticks[low:high])
        if low % (61 * 9) == 0:
            at = int(walks[0][0][low])
            assert cut.between("S0", "S1", at) == whole.between("S1", "S0", at)
    assert len(cut.hours["S0"]) <= HOURS + 61  # what is older was forgotten


def test_correlation_when_a_symbol_never_moved_then_is_not_known() -> None:
    times, ticks = walk(800, 5, HOUR)
    flat = (times, np.full(len(times), 100.0))
    tape = tape_of((times, ticks), flat, (times, ticks * 3), step=HOUR)
    at = int(times[-1])
    assert tape.between("S0", "S1", at) is None
    assert tape.between("S0", "S2", at) == 1
    assert tape.all_of("S0", ["S0", "S1", "S2"], at) == {frozenset(("S0", "S2")): Decimal(1)}


def test_correlation_when_bars_are_of_a_day_then_days_are_looked_at() -> None:
    day = 24 * HOUR
    walks = [walk(40 * 24, seed, day) for seed in (6, 7)]
    tape = tape_of(*walks, step=day)
    closes = [list(map(Decimal, ticks[9:].astype(int).tolist())) for _, ticks in walks]
    assert len(closes[0]) == 31
    assert tape.between("S0", "S1", int(walks[0][0][-1])) == correlation(*closes)
    assert tape.between("S0", "S1", START + 14 * day) is None
