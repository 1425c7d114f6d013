"""Safety limits: what is refused, by which code, and that a missing figure always is."""

from decimal import Decimal
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import limits
from domain.limits import Approved, EntryOrder, Exposure, Refused, effective, judge_order

ORDER = EntryOrder("BTC-USDT", Decimal(4000), Decimal(5), 8)
EXPOSURE = Exposure(Decimal(17_000), Decimal(0), Decimal(0), 0)
EQUITY = Decimal(17_000)


def code(order: EntryOrder = ORDER, exposure: Exposure = EXPOSURE) -> str:
    verdict = judge_order(order, exposure, effective())
    return verdict.code if isinstance(verdict, Refused) else "approved"


def with_notional(notional: Decimal | None, leverage: int = 8) -> EntryOrder:
    return EntryOrder("BTC-USDT", notional, Decimal(5), leverage)


def test_judge_order_when_within_every_limit_then_is_approved() -> None:
    assert judge_order(ORDER, EXPOSURE, effective()) == Approved(ORDER)


@pytest.mark.parametrize(
    ("order", "exposure", "expected"),
    [
        (with_notional(Decimal(8000)), EXPOSURE, "approved"),  # margin exactly 100 × $10
        (with_notional(Decimal("8000.01")), EXPOSURE, "RISK_MARGIN_ABSOLUTE"),
        (with_notional(Decimal("2550.01"), 1), EXPOSURE, "RISK_MARGIN_FRACTION"),
        (with_notional(Decimal(4)), EXPOSURE, "RISK_MINIMUM"),
        (with_notional(Decimal(100), 9), EXPOSURE, "RISK_LEVERAGE"),
        (with_notional(Decimal(100), 0), EXPOSURE, "RISK_LEVERAGE"),
        (ORDER, Exposure(EQUITY, Decimal(500), Decimal(0), 0), "RISK_DAILY_LOSS"),
        (ORDER, Exposure(EQUITY, Decimal("499.99"), Decimal(0), 0), "approved"),
        (ORDER, Exposure(EQUITY, Decimal(0), Decimal(132_000), 0), "approved"),
        (ORDER, Exposure(EQUITY, Decimal(0), Decimal("132000.01"), 0), "RISK_NOTIONAL"),
        (ORDER, Exposure(EQUITY, Decimal(0), Decimal(0), 9), "approved"),
        (ORDER, Exposure(EQUITY, Decimal(0), Decimal(0), 10), "RISK_POSITIONS"),
        (ORDER, Exposure(Decimal(-1), Decimal(0), Decimal(0), 0), "RISK_MINIMUM"),
        (ORDER, Exposure(EQUITY, Decimal(0), Decimal(0), 0, ("X",)), "RISK_BREAKER"),
    ],
)
def test_judge_order_when_a_limit_is_reached_then_names_it(
    order: EntryOrder, exposure: Exposure, expected: str
) -> None:
    assert code(order, exposure) == expected


@pytest.mark.parametrize(
    ("place", "figure"), list(product(range(4), (None, Decimal("NaN"), Decimal("Infinity"))))
)
def test_judge_order_when_a_figure_is_missing_or_no_number_then_refuses(
    place: int, figure: Decimal | None
) -> None:
    figures: list[Decimal | None] = [Decimal(4000), EQUITY, Decimal(0), Decimal(0)]
    figures[place] = figure
    notional, equity, loss, beside = figures
    assert code(with_notional(notional), Exposure(equity, loss, beside, 0)) == (
        "RISK_FIGURE_MISSING"
    )


@given(st.decimals(0, 10**6, places=2), st.decimals(0, 10**6, places=2), st.integers(1, 8))
def test_judge_order_when_approved_then_no_limit_is_exceeded(
    notional: Decimal, equity: Decimal, leverage: int
) -> None:
    verdict = judge_order(
        with_notional(notional, leverage), Exposure(equity, Decimal(0), Decimal(0), 0), effective()
    )
    if isinstance(verdict, Approved):
        slack = limits.ROUNDING
        assert notional / leverage <= limits.MARGIN_FRACTION * equity + slack
        assert notional / leverage <= 1000 + slack
        assert notional <= 8 * equity + slack


def test_limits_when_somebody_sets_one_then_it_is_refused() -> None:
    with pytest.raises(AttributeError):
        effective().day_loss = Decimal(10**9)  # type: ignore[misc]


def test_judge_order_when_limits_are_off_for_research_then_approves() -> None:
    off = msgspec.structs.replace(effective(), enforced=False)
    huge = with_notional(Decimal(10**9))
    assert judge_order(huge, EXPOSURE, off) == Approved(huge)
