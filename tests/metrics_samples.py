"""Closed trades and equity curves for tests of the figures."""

from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.metrics.curve import DAY
from kernels.metrics.trades import Trade

Array = np.ndarray[Any, Any]

MIDNIGHT = 1_704_067_200_000  # 2024-01-01 00:00 UTC
HOUR = 3_600_000
CENT = Decimal("0.01")


def trade(net: str | Decimal, **changes: Any) -> Trade:
    """A trade of one coin at 100, an hour long, that cost nothing unless something else is said."""
    made = Decimal(net)
    entry_at = changes.get("entry_at", MIDNIGHT)
    values: dict[str, Any] = {
        "symbol": "BTC-USDT",
        "side": 1,
        "tag": "dip",
        "reason": "target",
        "entry_at": entry_at,
        "exit_at": entry_at + HOUR,
        "quantity": Decimal(1),
        "entry_price": Decimal(100),
        "exit_price": Decimal(100) + made,
        "gross": made,
        "fees": Decimal(0),
        "slippage": Decimal(0),
        "funding": Decimal(0),
        "net": made,
        "mae": min(made, Decimal(0)),
        "mfe": max(made, Decimal(0)),
        "bars": 1,
    }
    return Trade(**values | changes)


money = st.decimals(-1000, 1000, places=8)
costs = st.decimals(0, 50, places=8)


@st.composite
def drawn_trade(draw: st.DrawFn) -> Trade:
    """Any trade whose parts sum up."""
    gross, fees, slippage, funding = draw(money), draw(costs), draw(costs), draw(money)
    return trade(
        gross - fees - slippage - funding,
        gross=gross,
        fees=fees,
        slippage=slippage,
        funding=funding,
        side=draw(st.sampled_from([1, -1])),
        tag=draw(st.sampled_from(["", "dip", "break"])),
        reason=draw(st.sampled_from(["stop", "target", "time_limit"])),
        symbol=draw(st.sampled_from(["BTC-USDT", "ETH-USDT"])),
        entry_at=MIDNIGHT + HOUR * draw(st.integers(0, 2000)),
        regime=draw(st.sampled_from([None, "ranging", "weak_bull"])),
    )


def curve_of(count: int, seed: int, drift: float = 0.0005, spread: float = 0.02) -> Array:
    """Daily equity: a random walk with fat tails, never at or below 0."""
    steps = np.random.default_rng(seed).standard_t(4, count) * spread + drift
    return 17_000.0 * np.exp(np.concatenate([[0.0], np.cumsum(steps)]))


def midnights(count: int) -> Array:
    return MIDNIGHT + DAY * np.arange(count, dtype=np.int64)
