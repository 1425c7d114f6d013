"""The domain's figures reach the kernel whole, or not at all."""

from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from application.kernel_rows import BadInstrument, limits_row, market_row
from application.trading.kernel import EngineKernel
from domain.limits import effective
from domain.money import InexactMoney
from domain.portfolio.events import Intent
from kernels import dtypes
from tests.trading_fakes import INSTRUMENT


def test_market_row_when_the_grid_is_whole_then_holds_every_figure() -> None:
    (row,) = market_row(INSTRUMENT)
    assert row["unit"] == 10.0
    assert row["min_notional"] == 5e8
    assert (row["tick"], row["lot"]) == (0.01, 0.00001)
    assert (row["maker"], row["taker"], row["slippage"]) == (0.0002, 0.0005, 0.001)
    assert (row["maintenance"], row["perpetual"]) == (0.005, 0.0)


@pytest.mark.parametrize("lot", ["0.0000001", "0.000015", "0.00000015"])
def test_market_row_when_a_lots_tick_is_no_whole_unit_then_is_refused(lot: str) -> None:
    fine = msgspec.structs.replace(INSTRUMENT, tick=Decimal("0.001"), lot=Decimal(lot))
    if Decimal(lot) * 100_000 == int(Decimal(lot) * 100_000):
        market_row(fine)
        return
    with pytest.raises(BadInstrument, match="whole number of 1e-8"):
        market_row(fine)


def test_market_row_when_the_smallest_order_is_no_whole_unit_then_is_refused() -> None:
    with pytest.raises(InexactMoney):
        market_row(msgspec.structs.replace(INSTRUMENT, min_notional=Decimal("0.000000001")))


def test_limits_row_when_effective_then_holds_the_constants_in_money_units() -> None:
    (row,) = limits_row(effective())
    assert dict(zip(row.dtype.names, row.tolist(), strict=True)) == {
        "enforced": 1.0,
        "daily_loss": 5e10,
        "weekly_loss": 1.5e11,
        "monthly_loss": 4e11,
        "rapid_loss": 2e10,
        "losses": 3.0,
        "pause": 3_600_000.0,
        "margin_fraction": 0.15,
        "margin_absolute": 1e11,
        "notional_multiple": 8.0,
        "positions": 10.0,
    }


def test_intent_codes_when_compared_then_kernel_and_domain_name_them_alike() -> None:
    assert get_args(Intent) == dtypes.INTENTS
    codes = ("ENTRY", "STOP", "TARGET", "TIME_LIMIT", "REVERSE", "LIQUIDATION", "OPERATOR")
    assert [getattr(dtypes, name) for name in codes] == list(range(7))


def test_kernel_identity_when_asked_twice_then_is_one_digest_of_its_sources() -> None:
    assert EngineKernel().identity == EngineKernel().identity
    assert len(EngineKernel().identity) == 64
