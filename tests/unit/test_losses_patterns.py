"""Patterns of losses: what makes each of them, what does not, and how few come by chance."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.losses.patterns import FEWEST, patterns
from application.improvement.losses.studied import StudiedTrade
from domain.strategy.improvement import LossPattern
from kernels.metrics.proportions import difference
from tests.loss_samples import random_trades, shuffled, some, studied

D = Decimal
CODES = (
    "ENTERED_EARLY",
    "STOP_TOO_TIGHT",
    "TARGET_TOO_FAR",
    "HELD_TOO_LONG",
    "WRONG_REGIME",
    "THIN_VOLUME",
    "HIGH_VOLATILITY",
    "LOW_VOLATILITY",
    "BAD_HOUR",
    "BAD_TAG",
    "BAD_SYMBOL",
)
CONDITIONS = [  # code, group, trades that have it, trades that have it not
    ("WRONG_REGIME", "ranging", {"regime": "ranging"}, {"regime": "weak_bull"}),
    ("THIN_VOLUME", "", {"volume": 0.49}, {"volume": 0.5}),
    ("HIGH_VOLATILITY", "", {"volatility": 1.26}, {"volatility": 1.25}),
    ("LOW_VOLATILITY", "", {"volatility": 0.74}, {"volatility": 0.75}),
    ("BAD_HOUR", "00-04", {"hour": 3}, {"hour": 4}),
    ("BAD_HOUR", "20-24", {"hour": 23}, {"hour": 19}),
    ("BAD_TAG", "dip", {"tag": "dip"}, {"tag": "break"}),
    ("BAD_TAG", "no tag", {"tag": ""}, {"tag": "break"}),
    ("BAD_SYMBOL", "ETH-USDT", {"symbol": "ETH-USDT"}, {"symbol": "BTC-USDT"}),
]
RACES = [  # code, event, its mirror
    ("ENTERED_EARLY", "after_stop_to_target", "after_target_to_stop"),
    ("STOP_TOO_TIGHT", "after_stop_to_entry", "after_target_to_entry"),
    ("TARGET_TOO_FAR", "half_target_to_entry", "half_stop_to_entry"),
]


def found(trades: list[StudiedTrade], code: str, group: str = "") -> LossPattern:
    (one,) = [p for p in patterns(trades) if (p.code, p.group) == (code, group)]
    return one


@pytest.mark.parametrize(("code", "group", "those", "others"), CONDITIONS)
def test_condition_when_trades_with_it_lose_more_often_then_is_significant(
    code: str, group: str, those: dict[str, Any], others: dict[str, Any]
) -> None:
    trades = [*some(45, 15, **those), *some(20, 40, **others)]
    pattern = found(trades, code, group)
    assert (pattern.count, pattern.share) == (45, D("0.69230769"))  # 45 of 65
    assert (pattern.effect, pattern.low, pattern.high) == difference(45, 60, 20, 60)
    assert pattern.significant
    assert [p.significant for p in patterns(trades) if p.code != code].count(True) == 0


@pytest.mark.parametrize(("code", "group", "those", "others"), CONDITIONS)
def test_condition_when_trades_with_it_lose_as_often_then_is_not_significant(
    code: str, group: str, those: dict[str, Any], others: dict[str, Any]
) -> None:
    pattern = found([*some(40, 20, **those), *some(40, 20, **others)], code, group)
    assert (pattern.count, pattern.effect, pattern.significant) == (40, D(0), False)


@pytest.mark.parametrize(("code", "group", "those", "others"), CONDITIONS)
def test_condition_when_trades_with_it_lose_less_often_then_is_no_pattern_of_losses(
    code: str, group: str, those: dict[str, Any], others: dict[str, Any]
) -> None:
    pattern = found([*some(10, 90, **those), *some(90, 10, **others)], code, group)
    assert pattern.effect == D("-0.8")
    assert not pattern.significant


@pytest.mark.parametrize(("code", "event", "mirror"), RACES)
def test_race_when_it_goes_against_trades_more_often_than_its_mirror_then_is_significant(
    code: str, event: str, mirror: str
) -> None:
    trades = [
        *some(30, 0, half_target=True, **{event: True}),
        *some(10, 0, half_target=True, **{event: False}),
        *some(0, 12, **{mirror: True}),
        *some(0, 28, **{mirror: False}),
    ]
    pattern = found(trades, code)
    assert pattern.count == (40 if code == "TARGET_TOO_FAR" else 30)
    assert (pattern.effect, pattern.low, pattern.high) == difference(30, 40, 12, 40)
    assert pattern.significant


@pytest.mark.parametrize(("code", "event", "mirror"), RACES)
def test_race_when_its_mirror_goes_as_often_then_is_not_significant(
    code: str, event: str, mirror: str
) -> None:
    trades = [
        *some(60, 0, **{event: True}),
        *some(20, 0, **{event: False}),
        *some(0, 60, **{mirror: True}),
        *some(0, 20, **{mirror: False}),
    ]
    pattern = found(trades, code)
    assert (pattern.effect, pattern.significant) == (D(0), False)


@pytest.mark.parametrize(("code", "event", "mirror"), RACES)
def test_race_when_winners_had_the_event_then_they_are_compared_but_no_losses_that_show_it(
    code: str, event: str, mirror: str
) -> None:
    trades = [
        *some(1, 0),
        *some(0, 20, half_target=True, **{event: True}),
        *some(0, 20, **{mirror: False}),
    ]
    pattern = found(trades, code)
    assert (pattern.count, pattern.effect) == (0, D(1))


def test_held_too_long_when_the_second_half_falls_then_is_significant() -> None:
    trades = [
        *some(40, 0, reason="time_limit", late=-0.5, later=0.1),
        *some(5, 5, reason="soft_time", late=0.5, later=-0.1),
        *some(3, 0, reason="stop", late=-0.5, later=0.0),
        *some(2, 0, reason="time_limit", late=-0.5, later=None),
    ]
    pattern = found(trades, "HELD_TOO_LONG")
    assert pattern.count == 42  # time exits that stood better half way, told afterwards or not
    assert (pattern.effect, pattern.low, pattern.high) == difference(43, 53, 10, 53)
    assert pattern.significant


def test_held_too_long_when_the_time_after_falls_as_often_then_is_not_significant() -> None:
    trades = some(60, 20, reason="time_limit", late=-0.5, later=-0.5)
    pattern = found(trades, "HELD_TOO_LONG")
    assert (pattern.count, pattern.effect, pattern.significant) == (60, D(0), False)


@pytest.mark.parametrize("fewer", [0, 1])
def test_patterns_when_a_side_has_too_few_trades_then_groups_are_left_out(fewer: int) -> None:
    trades = [*some(FEWEST - fewer, 0, symbol="A", volume=0.1), *some(0, 50, symbol="B", volume=1)]
    told = {(p.code, p.group): p for p in patterns(trades)}
    assert (("BAD_SYMBOL", "A") in told) == (("BAD_SYMBOL", "B") in told) == (fewer == 0)
    thin = told["THIN_VOLUME", ""]
    assert thin.count == FEWEST - fewer
    assert (thin.effect is None, thin.low is None, thin.significant) == (
        (False, False, True) if fewer == 0 else (True, True, False)
    )


def test_patterns_when_figures_are_missing_then_such_trades_are_on_neither_side() -> None:
    trades = [*some(30, 10, volume=0.1), *some(10, 30, volume=2.0), *some(500, 0, volume=None)]
    assert found(trades, "THIN_VOLUME").effect == D("0.5")


def test_patterns_when_no_trade_lost_then_there_are_none() -> None:
    assert patterns([]) == ()
    assert patterns(some(0, 100, volume=0.1)) == ()


def test_patterns_when_a_net_is_zero_then_it_is_a_loss() -> None:
    assert found([studied("0", volume=0.1)], "THIN_VOLUME").count == 1


def test_patterns_when_told_then_their_order_is_fixed() -> None:
    trades = random_trades(600, np.random.default_rng(3))
    told = [(p.code, p.group) for p in patterns(trades)]
    assert list(dict.fromkeys(code for code, _ in told)) == list(CODES)
    assert told == sorted(told, key=lambda each: (CODES.index(each[0]), each[1]))


@given(st.integers(0, 300), st.integers(0, 2**32 - 1))
def test_patterns_when_trades_are_any_then_counts_shares_and_intervals_hold(
    count: int, seed: int
) -> None:
    trades = random_trades(count, np.random.default_rng(seed))
    losses = sum(trade.lost for trade in trades)
    told = patterns(trades)
    assert patterns(shuffled(trades, seed)) == told
    for pattern in told:
        assert 0 <= pattern.count <= losses
        assert abs(pattern.share * losses - pattern.count) <= D("0.00001")
        assert pattern.share == pattern.share.quantize(D("0.00000001"))
        if pattern.effect is None:
            assert (pattern.low, pattern.high, pattern.significant) == (None, None, False)
        else:
            assert pattern.low is not None
            assert pattern.high is not None
            assert -1 <= pattern.low <= pattern.effect <= pattern.high <= 1
    for code in ("WRONG_REGIME", "BAD_HOUR", "BAD_TAG", "BAD_SYMBOL"):
        assert sum(p.count for p in told if p.code == code) <= losses


def test_patterns_when_nothing_is_to_be_found_then_few_looks_find_anything() -> None:
    chance = np.random.default_rng(20_240_101)
    looks = [patterns(random_trades(220, chance)) for _ in range(80)]
    compared = [sum(p.effect is not None for p in look) for look in looks]
    assert min(compared) > 20
    fooled = sum(any(p.significant for p in look) for look in looks)
    assert fooled <= 8  # of 80, of which 4 are expected
    ends = [p for look in looks for p in look if p.low is not None and p.high is not None]
    outside = sum(not p.low <= 0 <= p.high for p in ends)  # type: ignore[operator]
    assert 0.02 < outside / len(ends) < 0.08  # 95 % intervals
