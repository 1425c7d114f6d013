"""The still drawings: every trade is in them, wins apart from losses, extremes told."""

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from api.report.drawings import distribution, excursions
from tests.metrics_samples import trade
from tests.page_reader import read

D = Decimal


def bars_of(drawn: str) -> list[tuple[str, int]]:
    titles = re.findall(r'class="(up|down)"><title>[^<]*: ([\d,]+)</title>', drawn)
    return [(class_, int(count.replace(",", ""))) for class_, count in titles]


@given(st.lists(st.decimals(-1000, 1000, places=2), min_size=1, max_size=60))
def test_distribution_when_any_nets_then_bars_hold_all_and_wins_are_apart(
    nets: list[Decimal],
) -> None:
    drawn = distribution([trade(net) for net in nets])
    read(drawn)
    bars = bars_of(drawn)
    wins = sum(net > 0 for net in nets)
    assert sum(count for class_, count in bars if class_ == "up") == wins
    assert sum(count for class_, count in bars if class_ == "down") == len(nets) - wins
    assert len(bars) <= 100


def test_distribution_when_one_trade_is_extreme_then_the_others_are_still_told_apart() -> None:
    nets = [D(n % 21 - 10) for n in range(2000)] + [D(1_000_000)]
    drawn = distribution([trade(net) for net in nets])
    assert len(bars_of(drawn)) >= 15
    assert "1 beyond the edges are in the outer bars" in drawn


@given(st.lists(st.tuples(st.decimals(-100, 0), st.decimals(0, 100)), min_size=1, max_size=30))
def test_excursions_when_any_then_every_trade_is_a_dot_inside_the_frame(
    drawn: list[tuple[Decimal, Decimal]],
) -> None:
    made = excursions([trade(D(1), mae=mae, mfe=mfe) for mae, mfe in drawn])
    read(made)
    places = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', made)
    assert len(places) == len(drawn)
    assert all(0 <= float(x) <= 520 and 0 <= float(y) <= 260 for x, y in places)
