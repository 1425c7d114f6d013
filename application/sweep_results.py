"""What the parameter sets of a sweep came to: as rows for people, as columns for a table.

Money is exact, and ratios are those of `kernels.metrics`, as everywhere. An account may outgrow
what can be held exactly where limits are off: such money is None, never a rounded figure.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from msgspec import Struct

from application.ports import SweepColumn
from domain.money import LARGEST, from_units
from kernels import metrics
from kernels.sweep.figures import hex_digest

Array = np.ndarray[Any, Any]

MONEY = ("net", "fees", "slippage", "funding", "max_drawdown", "equity")


class SweepRow(Struct, frozen=True, kw_only=True):
    """What one parameter set came to. Money is quote; fees and the like are of closed trades.

    Money is None where the account outgrew what can be held exactly.
    """

    id: int
    params: dict[str, float]
    trades: int
    wins: int
    win_rate: Decimal | None
    profit_factor: Decimal | None
    net: Decimal | None
    fees: Decimal | None
    slippage: Decimal | None
    funding: Decimal | None
    max_drawdown: Decimal | None
    equity: Decimal | None
    ruined: bool
    state_digest: str


def row_of(id_: int, params: dict[str, float], figures: Any) -> SweepRow:
    money = {name: exact(units) for name, units in money_of(figures).items()}
    trades, wins = int(figures["trades"]), int(figures["wins"])
    return SweepRow(
        id=id_,
        params=params,
        trades=trades,
        wins=wins,
        win_rate=metrics.ratio(wins, trades),
        profit_factor=factor(float(figures["profit"]), float(figures["loss"])),
        ruined=bool(figures["ruined"]),
        state_digest=hex_digest(figures),
        **money,
    )


def money_of(figures: Any) -> dict[str, Any]:
    """Money of one record or of many, in whole 1e-8 quote."""
    named = {name: figures[name] for name in MONEY if name != "net"}
    return {"net": figures["profit"] - figures["loss"], **named}


def exact(units: float) -> Decimal | None:
    """Money as a decimal; None where the account outgrew exact money (2^53 · 1e-8 quote)."""
    return from_units(float(units)) if abs(units) < LARGEST else None


def factor(profit: float, loss: float) -> Decimal | None:
    if profit < LARGEST and loss < LARGEST:
        return metrics.ratio(int(profit), int(loss))
    return None


def columns_of(
    first: int, table: Mapping[str, Array], whole: Mapping[str, bool], figures: Array
) -> list[SweepColumn]:
    """Lay results out; parameters are `param_<name>`, so that no name can be taken twice."""
    ids = np.arange(first, first + len(figures), dtype=np.int64)
    columns = [SweepColumn("id", "whole", ids)]
    for name, values in table.items():
        kind = "whole" if whole[name] else "number"
        chosen = values.astype(np.int64) if whole[name] else values
        columns.append(SweepColumn(f"param_{name}", kind, chosen))
    counts = zip(figures["wins"].tolist(), figures["trades"].tolist(), strict=True)
    gains = zip(figures["profit"].tolist(), figures["loss"].tolist(), strict=True)
    columns += [
        SweepColumn("trades", "whole", figures["trades"]),
        SweepColumn("wins", "whole", figures["wins"]),
        SweepColumn("win_rate", "ratio", [metrics.ratio(*pair) for pair in counts]),
        SweepColumn("profit_factor", "ratio", [factor(*pair) for pair in gains]),
        *(SweepColumn(name, "money", units) for name, units in money_of(figures).items()),
        SweepColumn("ruined", "flag", figures["ruined"]),
        SweepColumn("state_digest", "text", [hex_digest(each) for each in figures]),
    ]
    return columns
