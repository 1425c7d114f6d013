"""Entries judged: what is refused, by which code, in which order; no figure is optional."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain import entries, limits
from domain.entries import COUNTABLE, Approved, EntryOrder, Exposure, Refused, judge_order
from domain.limits import effective

ZERO, EQUITY = Decimal(0), Decimal(17_000)
ORDER = EntryOrder("BTC-USDT", Decimal(4000), Decimal(5), 8, Decimal(100))
EXPOSURE = Exposure(EQUITY, ZERO, ZERO, ZERO, ZERO, 0)
OFF = replace(effective(), enforced=False)
BREAKERS = (
    "RISK_DAILY_LOSS",
    "RISK_WEEKLY_LOSS",
    "RISK_MONTHLY_LOSS",
    "RISK_LOSSES",
    "RISK_RAPID_LOSS",
)


def code(order: EntryOrder = ORDER, exposure: Exposure = EXPOSURE, off: bool = False) -> str:
    verdict = judge_order(order, exposure, OFF if off else effective())
    return verdict.code if isinstance(verdict, Refused) else "approved"


def of(notional: Decimal | None, leverage: int = 8) -> EntryOrder:
    return replace(ORDER, notional=notional, leverage=leverage)


def test_judge_order_when_within_every_limit_then_is_approved() -> None:
    assert judge_order(ORDER, EXPOSURE, effective()) == Approved(ORDER)


@pytest.mark.parametrize(
    ("order", "exposure", "expected"),
    [
        (of(Decimal(8000)), {}, "approved"),  # margin exactly 100 × $10
        (of(Decimal("8000.01")), {}, "RISK_MARGIN_ABSOLUTE"),
        (of(Decimal("2550.01"), 1), {}, "RISK_MARGIN_FRACTION"),
        (of(Decimal("4.99")), {}, "RISK_MINIMUM"),
        (of(Decimal(5)), {}, "approved"),
        (of(ZERO), {}, "RISK_MINIMUM"),
        (of(COUNTABLE), {}, "RISK_FIGURE_MISSING"),
        (of(Decimal(100), 9), {}, "RISK_LEVERAGE"),
        (of(Decimal(100), 0), {}, "RISK_LEVERAGE"),
        (replace(ORDER, stop=None), {}, "RISK_STOP_MISSING"),
        (replace(ORDER, stop=ZERO), {}, "RISK_STOP_MISSING"),
        (replace(ORDER, stop=Decimal("NaN")), {}, "RISK_STOP_MISSING"),
        (ORDER, {"day_loss": Decimal(500)}, "RISK_DAILY_LOSS"),
        (ORDER, {"day_loss": Decimal("499.99")}, "approved"),
        (ORDER, {"week_loss": Decimal(1500)}, "RISK_WEEKLY_LOSS"),
        (ORDER, {"month_loss": Decimal(4000)}, "RISK_MONTHLY_LOSS"),
        (ORDER, {"notional": Decimal(132_000)}, "approved"),
        (ORDER, {"notional": Decimal("132000.01")}, "RISK_NOTIONAL"),
        (ORDER, {"positions": 9}, "approved"),
        (ORDER, {"positions": 10}, "RISK_POSITIONS"),
        (ORDER, {"equity": Decimal(-1)}, "RISK_MARGIN_FRACTION"),
        (ORDER, {"losses": 3}, "approved"),  # three in a row block by their breaker, for an hour
        (ORDER, {"breakers": ("RISK_DISAGREEMENT",)}, "RISK_DISAGREEMENT"),
    ],
)
def test_judge_order_when_a_limit_is_reached_then_names_it(
    order: EntryOrder, exposure: dict[str, object], expected: str
) -> None:
    assert code(order, replace(EXPOSURE, **exposure)) == expected


@given(st.sets(st.sampled_from(BREAKERS), min_size=1))
def test_judge_order_when_breakers_hold_then_names_the_first_before_anything_else(
    held: set[str],
) -> None:
    broken = replace(ORDER, stop=None, notional=None)
    first = next(name for name in BREAKERS if name in held)
    for order in (ORDER, broken):
        assert code(order, replace(EXPOSURE, breakers=tuple(sorted(held)))) == first


def test_judge_order_when_everything_fails_then_the_order_is_the_kernels() -> None:
    order = EntryOrder("BTC-USDT", Decimal("NaN"), Decimal(10**7), 8, None)
    exposure = replace(EXPOSURE, notional=Decimal(10**9), positions=99)
    seen = []
    for change in (
        {"stop": Decimal(1)},
        {"notional": Decimal(10**6)},
        {"minimum": Decimal(5)},
        {"leverage": 1000},
        {},
    ):
        seen.append(code(order, exposure))
        order = replace(order, **change)
    assert seen == [
        "RISK_STOP_MISSING",
        "RISK_FIGURE_MISSING",
        "RISK_MINIMUM",
        "RISK_MARGIN_FRACTION",
        "RISK_LEVERAGE",
    ]
    small = of(Decimal(4000))
    assert code(small, exposure) == "RISK_NOTIONAL"
    assert code(small, replace(exposure, notional=ZERO)) == "RISK_POSITIONS"


@pytest.mark.parametrize(
    ("field", "figure"),
    list(
        product(
            ("notional", "equity", "day_loss", "week_loss", "month_loss", "beside"),
            (None, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")),
        )
    ),
)
def test_judge_order_when_a_figure_is_missing_or_no_number_then_refuses(
    field: str, figure: Decimal | None
) -> None:
    if field == "notional":
        assert code(of(figure)) == "RISK_FIGURE_MISSING"
        return
    name = "notional" if field == "beside" else field
    assert code(ORDER, replace(EXPOSURE, **{name: figure})) == "RISK_FIGURE_MISSING"


@given(
    st.decimals(0, 10**6, places=2),
    st.decimals(0, 10**6, places=2),
    st.integers(1, 8),
    st.decimals(0, 10**6, places=2),
    st.integers(0, 12),
)
def test_judge_order_when_approved_then_no_limit_is_exceeded(
    notional: Decimal, equity: Decimal, leverage: int, beside: Decimal, positions: int
) -> None:
    exposure = replace(EXPOSURE, equity=equity, notional=beside, positions=positions)
    verdict = judge_order(of(notional, leverage), exposure, effective())
    if isinstance(verdict, Approved):
        slack = entries.ROUNDING
        assert notional / leverage <= limits.MARGIN_FRACTION * equity + slack
        assert notional / leverage <= 1000 + slack
        assert notional + beside <= 8 * equity + slack
        assert positions < 10


def test_judge_order_when_limits_are_off_for_research_then_only_the_order_itself_is_judged() -> (
    None
):
    broke = Exposure(None, None, None, None, None, 99, 9, BREAKERS)
    assert code(of(Decimal(10**7), 100), broke, off=True) == "approved"
    assert code(replace(ORDER, stop=None), broke, off=True) == "RISK_STOP_MISSING"
    assert code(of(None), broke, off=True) == "RISK_FIGURE_MISSING"
    assert code(of(Decimal(1)), broke, off=True) == "RISK_MINIMUM"
