"""A look at a version's losses: what they share, and every one of them with its context.

A pure function of the trades: the same trades give the same bytes, which replay compares. The
report lists the latest losses first, so that a reader who has room for a few has those.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from application.improvement.losses.patterns import patterns
from application.improvement.losses.studied import Afterwards, StudiedTrade, Turns
from domain.event import Side
from domain.money import in_places
from domain.strategy.improvement import LossPattern
from kernels.metrics.breakdowns import SIDES
from kernels.metrics.tallies import total

LISTED = 200  # losing trades of a report
DIGITS = 8  # significant, of a figure that is no money


class ToldLoss(Struct, frozen=True, kw_only=True):
    """One losing trade. Money is quote; what ends in `_r` is in multiples of the planned risk."""

    symbol: str
    side: Side
    tag: str
    regime: str | None  # at the bar of the signal, as are series, volatility and volume
    reason: str  # of the last exit
    entry_at: int  # ms UTC
    exit_at: int
    hour: int  # of the entry, UTC
    weekday: int  # 0 Monday
    bars: int  # held, of the strategy
    net: Decimal
    net_r: float | None
    gross: Decimal
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    stop: Decimal | None  # as planned
    target: Decimal | None  # the first, as planned
    risk: Decimal  # money that the stop would have cost, before costs
    mae_r: float | None
    mfe_r: float | None
    mae: Decimal
    mfe: Decimal
    confidence: float
    volatility: float | None
    volume: float | None
    series: dict[str, float | None]
    afterwards: Afterwards | None
    turns: Turns
    late: float | None
    later: float | None


class LossReport(Struct, frozen=True, kw_only=True):
    """What a report's bytes say."""

    trades: int
    losses: int
    left_out: int  # losses that are older than those listed
    losing: tuple[ToldLoss, ...]  # the latest first


class Losses(Struct, frozen=True, kw_only=True):
    """What `LossesAnalysed` tells, and the blob that it names."""

    trades: int
    losses: int
    net: Decimal  # of all trades
    patterns: tuple[LossPattern, ...]
    report: bytes  # canonical JSON of a `LossReport`


def losses_of(trades: Sequence[StudiedTrade]) -> Losses:
    """Look at the losses among trades, which come in the order they closed."""
    losing = [trade for trade in trades if trade.lost]
    listed = losing[-LISTED:]
    report = LossReport(
        trades=len(trades),
        losses=len(losing),
        left_out=len(losing) - len(listed),
        losing=tuple(map(told, reversed(listed))),
    )
    return Losses(
        trades=len(trades),
        losses=len(losing),
        net=in_places(total(trade.trade.net for trade in trades)),
        patterns=patterns(trades),
        report=canonical(report),
    )


def read_report(report: bytes) -> LossReport:
    """Read a report back. Raises msgspec.DecodeError for bytes that are none."""
    return msgspec.json.decode(report, type=LossReport)


def told(studied: StudiedTrade) -> ToldLoss:
    trade = studied.trade
    return ToldLoss(
        symbol=trade.symbol,
        side="long" if SIDES[trade.side] == "long" else "short",
        tag=trade.tag,
        regime=trade.regime,
        reason=trade.reason,
        entry_at=trade.entry_at,
        exit_at=trade.exit_at,
        hour=studied.hour,
        weekday=studied.weekday,
        bars=trade.bars,
        net=trade.net,
        net_r=studied.net,
        gross=trade.gross,
        fees=trade.fees,
        slippage=trade.slippage,
        funding=trade.funding,
        quantity=trade.quantity,
        entry_price=trade.entry_price,
        exit_price=trade.exit_price,
        stop=studied.stop,
        target=studied.target,
        risk=studied.risk,
        mae_r=studied.mae,
        mfe_r=studied.mfe,
        mae=trade.mae,
        mfe=trade.mfe,
        confidence=studied.confidence,
        volatility=studied.volatility,
        volume=studied.volume,
        series=studied.series,
        afterwards=studied.afterwards,
        turns=studied.turns,
        late=studied.late,
        later=studied.later,
    )


def canonical(report: LossReport) -> bytes:
    """Write a report as JSON that equal reports share to the last byte."""
    return msgspec.json.encode(spelled(msgspec.to_builtins(report, builtin_types=(Decimal,))))


def spelled(value: Any) -> Any:
    """Money without exponents and idle zeros, other figures with `DIGITS` digits."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: spelled(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(each) for each in value]
    return value
