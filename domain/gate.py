"""The gate between paper and live.

Promotion spends real money, so the gate is a pure function of recorded trades: the same history
always gives the same verdict, and the verdict carries every figure it was made from. Every leg is
compared exactly (by multiplication, never by a rounded quotient); the ratios are then rounded to
eight places for the record, in a context of their own so that no caller's setting can move them.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from msgspec import Struct

Z = Decimal("1.959963984540054")  # two-sided 95 % quantile of the normal distribution
RATIO = Decimal("0.00000001")  # ratios are recorded to eight places
EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)


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


def add(tally: Tally, net: Decimal) -> Tally:
    """Count one closed trade: net ≤ 0 is a loss."""
    if net > 0:
        profit = EXACT.add(tally.profit, net)
        return Tally(tally.trades + 1, tally.wins + 1, profit, tally.loss)
    return Tally(tally.trades + 1, tally.wins, tally.profit, EXACT.subtract(tally.loss, net))


def judge(
    tally: Tally, open_nets: Sequence[Decimal], gate: Gate, attempts: int, ruined: bool
) -> GateVerdict:
    """Judge one version's own trades in sleeve B against the gate.

    `open_nets` are the nets that open positions would have if closed at the last mark: a losing
    trade kept open is a loss. `attempts` is how many parameter sets were ever scored for the
    strategy: reported, since the best of many tries looks better than it is. A version without a
    single loss passes the profit-factor leg once it has any profit (its factor is unbounded, and
    recorded as None); the other legs bind it all the same.
    """
    whole = tally
    for net in open_nets:
        whole = add(whole, net)
    failures = tuple(failed(whole, gate, ruined))
    return GateVerdict(
        passed=not failures,
        trades=whole.trades,
        open_trades=len(open_nets),
        wins=whole.wins,
        win_rate=ratio(Decimal(whole.wins), Decimal(whole.trades)),
        win_rate_low=wilson_low(whole.wins, whole.trades),
        profit_factor=ratio(whole.profit, whole.loss),
        net=EXACT.subtract(whole.profit, whole.loss),
        attempts=attempts,
        failures=failures,
    )


def failed(tally: Tally, gate: Gate, ruined: bool) -> Sequence[GateFailure]:
    trades, profit, loss = Decimal(tally.trades), tally.profit, tally.loss
    net = EXACT.subtract(profit, loss)
    rate = ratio(Decimal(tally.wins), trades)
    factor = ratio(profit, loss)
    legs = (
        (tally.trades >= gate.trades, "GATE_TRADES", Decimal(gate.trades), trades),
        (
            tally.trades > 0 and tally.wins >= EXACT.multiply(gate.win_rate, trades),
            "GATE_WIN_RATE",
            gate.win_rate,
            rate,
        ),
        (
            profit > 0 and profit >= EXACT.multiply(gate.profit_factor, loss),
            "GATE_PROFIT_FACTOR",
            gate.profit_factor,
            factor,
        ),
        (net >= gate.net, "GATE_NET", gate.net, net),
        (not ruined, "GATE_RUINED", Decimal(0), Decimal(1)),
    )
    return [GateFailure(code, required, seen) for held, code, required, seen in legs if not held]


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    if whole == 0:
        return None
    return EXACT.quantize(EXACT.divide(part, whole), RATIO)


def wilson_low(wins: int, trades: int) -> Decimal | None:
    """Give the Wilson 95 % lower bound of a win rate, to eight places; None without trades.

    Source: E. B. Wilson, JASA 22 (1927), 209-212.
    """
    if trades == 0:
        return None
    n = Decimal(trades)
    p = EXACT.divide(Decimal(wins), n)
    square = EXACT.divide(EXACT.multiply(Z, Z), n)
    spread = EXACT.divide(EXACT.multiply(p, EXACT.subtract(Decimal(1), p)), n)
    inner = EXACT.add(spread, EXACT.divide(square, EXACT.multiply(Decimal(4), n)))
    margin = EXACT.multiply(Z, EXACT.sqrt(inner))
    centre = EXACT.add(p, EXACT.divide(square, Decimal(2)))
    low = EXACT.divide(EXACT.subtract(centre, margin), EXACT.add(Decimal(1), square))
    return EXACT.quantize(max(low, Decimal(0)), RATIO)
