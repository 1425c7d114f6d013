"""Across accounts: who may enter beside whom, and that what is unknown refuses."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.entries import Approved, Refused
from domain.event import Side
from domain.limits import ACCOUNTS_PER_DIRECTION, ACCOUNTS_PER_SYMBOL
from domain.venue_limits import (
    Holding,
    Market,
    correlation,
    exposure,
    judge_across,
    spread_of,
)

D = Decimal
MARKET = Market(equity=D(10_000), spread=D("0.001"), correlations={})
ENTRY = Holding("a", "BTC", "long", D(5_000))


def code(others: list[Holding], entry: Holding = ENTRY, **market: Any) -> str:
    verdict = judge_across(entry, others, replace(MARKET, **market))
    return verdict.code if isinstance(verdict, Refused) else "approved"


def of(account: str, symbol: str, side: Side = "long", notional: int = 100) -> Holding:
    return Holding(account, symbol, side, D(notional))


def test_entry_when_nothing_else_is_held_then_is_approved() -> None:
    assert judge_across(ENTRY, [], MARKET) == Approved(ENTRY)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([of("b", "BTC", "short")], "approved"),
        ([of("b", "BTC", "long")], "RISK_ACCOUNTS_PER_DIRECTION"),
        ([of("b", "BTC", "short"), of("c", "BTC", "short")], "RISK_ACCOUNTS_PER_SYMBOL"),
        ([of("b", "ETH", "long"), of("c", "ETH", "short")], "approved"),
        ([of("a", "BTC", "short")], "approved"),  # what it reverses
        ([of("a", "BTC", "short"), of("b", "BTC", "short")], "approved"),
        ([of("b", "BTC", "short"), of("b", "BTC", "short")], "approved"),  # held, and more waits
    ],
)
def test_entry_when_other_accounts_hold_the_symbol_then_as_many_as_may(
    others: list[Holding], expected: str
) -> None:
    assert code(others) == expected


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        (D("99.75"), D("100.25"), "approved"),  # exactly 0.5 %
        (D("99.74"), D("100.25"), "RISK_SPREAD"),
        (D(100), D(100), "approved"),
        (D(101), D(100), "RISK_FIGURE_MISSING"),
        (D(0), D(100), "RISK_FIGURE_MISSING"),
        (None, D(100), "RISK_FIGURE_MISSING"),
        (D(100), D("Infinity"), "RISK_FIGURE_MISSING"),
        (D("NaN"), D(100), "RISK_FIGURE_MISSING"),
    ],
)
def test_entry_when_the_spread_is_wide_or_unknown_then_is_refused(
    bid: Decimal | None, ask: Decimal | None, expected: str
) -> None:
    assert code([], spread=spread_of(bid, ask)) == expected


@pytest.mark.parametrize(
    ("together", "side", "expected"),
    [
        (None, "long", "RISK_CORRELATED"),  # unknown: counts as 1
        (None, "short", "approved"),
        (D("0.8"), "long", "RISK_CORRELATED"),
        (D("0.79"), "long", "approved"),
        (D("0.95"), "short", "approved"),
        (D("-0.8"), "short", "RISK_CORRELATED"),  # short of what falls when the other rises
        (D("-0.8"), "long", "approved"),
    ],
)
def test_entry_when_another_position_is_the_same_bet_then_both_count(
    together: Decimal | None, side: Side, expected: str
) -> None:
    correlations = {} if together is None else {frozenset(("BTC", "ETH")): together}
    over = [of("b", "ETH", side, 15_001)]
    assert code(over, correlations=correlations) == expected
    assert code([of("b", "ETH", side, 15_000)], correlations=correlations) == "approved"


@pytest.mark.parametrize("figure", [None, D("NaN"), D("Infinity")])
def test_entry_when_a_figure_is_missing_then_is_refused(figure: Decimal | None) -> None:
    assert code([replace(of("b", "ETH"), notional=figure)]) == "RISK_FIGURE_MISSING"
    assert code([], replace(ENTRY, notional=figure)) == "RISK_FIGURE_MISSING"
    assert code([], equity=figure) == "RISK_FIGURE_MISSING"
    assert code([], spread=figure) == "RISK_FIGURE_MISSING"
    if figure is not None:
        assert code([], correlations={frozenset("xy"): figure}) == "RISK_FIGURE_MISSING"
    assert exposure(replace(ENTRY, notional=None), [], {}) is None


HOLDINGS = st.builds(
    Holding,
    st.sampled_from("abcd"),
    st.sampled_from(["BTC", "ETH", "SOL"]),
    st.sampled_from(["long", "short"]),
    st.integers(1, 20_000).map(D),
)


@given(st.lists(HOLDINGS, max_size=40))
def test_holdings_when_only_approved_entries_fill_then_no_limit_is_ever_exceeded(
    asked: list[Holding],
) -> None:
    held: dict[tuple[str, str], Holding] = {}
    for entry in asked:
        if isinstance(judge_across(entry, held.values(), MARKET), Refused):
            continue
        held[entry.account, entry.symbol] = entry
        for symbol in ("BTC", "ETH", "SOL"):
            sides = [h.side for h in held.values() if h.symbol == symbol]
            assert len(sides) <= ACCOUNTS_PER_SYMBOL
            assert all(sides.count(side) <= ACCOUNTS_PER_DIRECTION for side in sides)
        bet = [h.notional or D(0) for h in held.values() if h.side == entry.side]
        assert sum(bet) <= 20_000  # unknown correlations: all of one side are one bet


def test_correlation_when_computed_then_is_that_of_the_returns() -> None:
    closes = [D(100), D(110), D(99), D(104)]
    assert correlation(closes, [c * 3 for c in closes]) == pytest.approx(D(1))
    mirrored = [D(100)]
    for before, after in pairwise(closes):
        mirrored.append(mirrored[-1] * (2 - after / before))
    assert correlation(closes, mirrored) == pytest.approx(D(-1))
    assert correlation([D(1), D(2), D(1), D(2)], [D(1), D(1), D(1), D(2)]) == pytest.approx(
        D("0.5"), abs=D("1e-9")
    )


def test_correlation_when_there_is_nothing_to_compare_then_is_unknown() -> None:
    assert correlation([D(1), D(2)], [D(1), D(2)]) is None
    assert correlation([D(1)] * 9, [D(n) for n in range(1, 10)]) is None
    with pytest.raises(ValueError, match="closes were 2 and 3, must be as many"):
        correlation([D(1)] * 2, [D(1)] * 3)
