"""Studied trades for tests of what losses share."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from application.improvement.losses.studied import Afterwards, StudiedTrade, Turns
from tests.metrics_samples import trade

NO_TURNS = Turns(**dict.fromkeys(Turns.__struct_fields__))
TURNS = Turns.__struct_fields__
REGIMES = ("strong_bull", "weak_bull", "ranging", "weak_bear", "strong_bear", None)


def studied(net: str | Decimal = "-1", **changes: Any) -> StudiedTrade:
    """A trade that says nothing of itself but what is asked for; fields of the trade too."""
    own = {name: changes.pop(name) for name in list(changes) if name in TRADE_FIELDS}
    turns = {name: changes.pop(name) for name in list(changes) if name in TURNS}
    values: dict[str, Any] = {
        "trade": trade(net, **own),
        "confidence": 1.0,
        "reference": Decimal(100),
        "stop": Decimal(99),
        "target": Decimal(102),
        "risk": Decimal(1),
        "mae": -1.0,
        "mfe": 0.25,
        "net": float(net),
        "hour": 0,
        "weekday": 0,
        "series": {"mean": 99.5, "cold": None},
        "volatility": None,
        "volume": None,
        "afterwards": Afterwards(
            minutes=60, best=1.5, worst=-2.0, entry_again=True, target_reached=False
        ),
        "turns": Turns(**dict.fromkeys(TURNS) | turns),
        "late": None,
        "later": None,
    }
    return StudiedTrade(**values | changes)


TRADE_FIELDS = ("symbol", "side", "tag", "reason", "regime", "entry_at", "exit_at", "bars")


def some(losses: int, wins: int, **changes: Any) -> list[StudiedTrade]:
    """So many losses and wins that are alike in what is said."""
    lost, won = studied("-1", **changes), studied("1", **changes)
    return [lost] * losses + [won] * wins


def random_trades(count: int, chance: np.random.Generator) -> list[StudiedTrade]:
    """Trades whose result has nothing to do with anything else about them."""

    def coin() -> bool | None:
        return (None, True, False)[int(chance.integers(3))]

    return [
        studied(
            "-1" if chance.random() < 0.55 else "1.2",
            symbol=f"S{chance.integers(4)}",
            tag=("dip", "break", "")[int(chance.integers(3))],
            regime=REGIMES[int(chance.integers(len(REGIMES)))],
            reason=("stop", "target", "time_limit")[int(chance.integers(3))],
            hour=int(chance.integers(24)),
            volatility=float(chance.gamma(8.0, 0.125)),
            volume=float(chance.gamma(2.0, 0.5)),
            late=float(chance.normal()),
            later=float(chance.normal()),
            **{name: coin() for name in TURNS},
        )
        for _ in range(count)
    ]


def shuffled(trades: Sequence[StudiedTrade], seed: int) -> list[StudiedTrade]:
    order = np.random.default_rng(seed).permutation(len(trades))
    return [trades[n] for n in order.tolist()]
