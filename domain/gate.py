"""The gate between paper and live.

Promotion spends real money, so the gate is a pure function of recorded trades: the same history
always gives the same verdict, and the verdict carries every figure it was made from.
"""

from decimal import Decimal

from msgspec import Struct


class Gate(Struct, frozen=True):
    trades: int = 50
    win_rate: Decimal = Decimal("0.71")
    profit_factor: Decimal = Decimal("1.8")
    net: Decimal = Decimal(500)


class GateFailure(Struct, frozen=True):
    code: str  # GATE_TRADES | GATE_WIN_RATE | GATE_PROFIT_FACTOR | GATE_NET | GATE_RUINED
    required: Decimal
    observed: Decimal | None


class Tally(Struct, frozen=True):
    """What the gate needs to know of an account's closed trades, kept as they close."""

    trades: int = 0
    wins: int = 0  # net > 0; net ≤ 0 is a loss
    profit: Decimal = Decimal(0)  # sum of the wins' net
    loss: Decimal = Decimal(0)  # sum of the losses' net, as a positive figure


class GateVerdict(Struct, frozen=True):
    passed: bool
    trades: int  # this version's own trades in sleeve B; open ones count as closed at the last mark
    open_trades: int  # how many of them were still open
    wins: int
    win_rate: Decimal | None  # wins / trades
    win_rate_low: Decimal | None  # Wilson 95 % lower bound
    profit_factor: Decimal | None  # None: there was no loss to divide by
    net: Decimal
    attempts: int  # parameter sets ever scored for this strategy
    failures: tuple[GateFailure, ...]
