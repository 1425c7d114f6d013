"""The same trades, cut by what they have in common: where the money is made and where it is lost.

Every trade is in exactly one group of a cut, so counts and money of the groups sum to those of the
whole. Groups come in the order of their keys, whatever order the trades came in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from kernels.metrics.tallies import ratio, summarise, total, wilson_low
from kernels.metrics.trades import Trade

SIDES = {1: "long", -1: "short"}
NO_TAG = "no tag"
UNKNOWN = "unknown"  # whose a trade is, or its regime before one could be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The trades that share a key. Money is quote; figures as in `TradeStatistics`."""

    key: str
    trades: int
    wins: int
    win_rate: Decimal | None
    win_rate_low: Decimal | None
    profit: Decimal
    loss: Decimal
    profit_factor: Decimal | None
    gross: Decimal
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    net: Decimal
    expectancy: Decimal | None


def tag_of(trade: Trade) -> str:
    return trade.tag or NO_TAG


def side_of(trade: Trade) -> str:
    return SIDES[trade.side]


def reason_of(trade: Trade) -> str:
    return trade.reason


def strategy_of(trade: Trade) -> str:
    return trade.strategy or UNKNOWN


def symbol_of(trade: Trade) -> str:
    return trade.symbol


def hour_of(trade: Trade) -> str:
    return f"{trade.entry_at // 3_600_000 % 24:02}"


def regime_of(trade: Trade) -> str:
    return trade.regime or UNKNOWN


def month_of(trade: Trade) -> str:
    return f"{datetime.fromtimestamp(trade.exit_at // 1000, UTC):%Y-%m}"


CUTS: Mapping[str, Callable[[Trade], str]] = {
    "strategy": strategy_of,
    "tag": tag_of,  # of the entry
    "side": side_of,
    "reason": reason_of,  # of the last exit
    "symbol": symbol_of,
    "hour": hour_of,  # of the entry, UTC
    "regime": regime_of,  # when the entry was decided
    "month": month_of,  # of the last exit, UTC
}


def breakdowns(trades: Sequence[Trade]) -> dict[str, tuple[Group, ...]]:
    """Cut trades every way there is; no `regime` or `strategy` where no trade has one."""
    cuts = {name: breakdown(trades, key) for name, key in CUTS.items()}
    for name in ("regime", "strategy"):
        if all(getattr(trade, name) is None for trade in trades):
            del cuts[name]
    return cuts


def breakdown(trades: Sequence[Trade], key: Callable[[Trade], str]) -> tuple[Group, ...]:
    """Cut trades by one key, groups in its order."""
    groups: dict[str, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(key(trade), []).append(trade)
    return tuple(group_of(name, groups[name]) for name in sorted(groups))


def group_of(key: str, trades: Sequence[Trade]) -> Group:
    summary = summarise([trade.net for trade in trades])
    return Group(
        key=key,
        trades=summary.trades,
        wins=summary.wins,
        win_rate=summary.win_rate,
        win_rate_low=wilson_low(summary.wins, summary.trades),
        profit=summary.profit,
        loss=summary.loss,
        profit_factor=summary.profit_factor,
        gross=total(trade.gross for trade in trades),
        fees=total(trade.fees for trade in trades),
        slippage=total(trade.slippage for trade in trades),
        funding=total(trade.funding for trade in trades),
        net=summary.net,
        expectancy=ratio(summary.net, summary.trades),
    )
