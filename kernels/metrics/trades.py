"""What closed trades amounted to, and what each of them cost.

A trade is flat to flat, partial exits included. Its parts always sum to the whole: gross (at the
prices decided on) − fees − slippage − funding = net, to the last 1e-8 quote. A trade wins when its
net is above zero; net = 0 is a loss, as everywhere. Figures depend on the order of trades in one
place only: streaks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from kernels.metrics.tallies import EXACT, ratio, summarise, total, wilson

YEAR_MS = 365 * 86_400_000  # crypto trades every day


class PartsDisagree(ValueError):
    """A trade's gross, fees, slippage and funding do not make its net."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One closed trade. Money is quote; costs are positive where they were paid.

    Raises `PartsDisagree` unless gross − fees − slippage − funding = net.
    """

    symbol: str
    side: int  # +1 long, −1 short
    tag: str  # of the entry; "" where it had none
    reason: str  # of the last exit
    entry_at: int  # ms UTC
    exit_at: int  # of the last exit
    quantity: Decimal  # base, as opened
    entry_price: Decimal  # quote, as filled
    exit_price: Decimal  # of the last exit
    gross: Decimal  # what it made at the prices before slippage
    fees: Decimal
    slippage: Decimal
    funding: Decimal  # paid (+) or received (−)
    net: Decimal
    mae: Decimal  # maximum adverse excursion: the worst it stood at, before costs, ≤ 0
    mfe: Decimal  # maximum favourable excursion: the best it stood at, before costs, ≥ 0
    bars: int  # strategy bars held
    strategy: str | None = None  # whose it is, where several are looked at together
    regime: str | None = None  # of the market when the entry was decided, where it was looked at

    def __post_init__(self) -> None:
        costs = total((self.fees, self.slippage, self.funding))
        if EXACT.subtract(self.gross, costs) != self.net:
            raise PartsDisagree(
                f"net of the trade entered at {self.entry_at} was {self.net}, must be gross"
                f" {self.gross} − fees {self.fees} − slippage {self.slippage} − funding"
                f" {self.funding}"
            )

    @property
    def turnover(self) -> Decimal:
        """Quote bought and sold, at fill prices: the entry, and all that was closed of it."""
        entered = EXACT.multiply(self.quantity, self.entry_price)
        made = EXACT.multiply(Decimal(self.side), EXACT.subtract(self.gross, self.slippage))
        return EXACT.add(EXACT.multiply(Decimal(2), entered), made)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeStatistics:
    """Figures of closed trades; money is quote, averages are rounded to eight places."""

    trades: int
    wins: int  # net > 0
    losses: int  # net ≤ 0
    win_rate: Decimal | None  # wins / trades
    win_rate_low: Decimal | None  # Wilson 95 % interval of it
    win_rate_high: Decimal | None
    profit: Decimal  # Σ net of the wins
    loss: Decimal  # −Σ net of the losses
    profit_factor: Decimal | None  # profit / loss
    gross: Decimal  # Σ over all trades, as are the next four
    fees: Decimal
    slippage: Decimal
    funding: Decimal
    net: Decimal
    expectancy: Decimal | None  # net / trades
    average_win: Decimal | None  # profit / wins
    average_loss: Decimal | None  # loss / losses, ≥ 0
    payoff_ratio: Decimal | None  # average win / average loss
    best: Decimal | None  # highest net of a trade
    worst: Decimal | None  # lowest
    turnover: Decimal  # quote bought and sold, at fill prices
    longest_wins: int  # most wins in a row
    longest_losses: int
    average_mae: Decimal | None  # ≤ 0
    average_mfe: Decimal | None  # ≥ 0
    average_bars: Decimal | None  # strategy bars held
    average_held_ms: int | None  # exit − entry, rounded down


def trade_statistics(trades: Sequence[Trade]) -> TradeStatistics:
    """Sum up trades in the order they closed.

    Sources: the profit factor and the payoff ratio as in R. Pardo, The Evaluation and Optimization
    of Trading Strategies (2008), ch. 12; MAE and MFE: J. Sweeney, Maximum Adverse Excursion (1997).
    """
    count = len(trades)
    nets = [trade.net for trade in trades]
    summary = summarise(nets)
    losses = count - summary.wins
    interval = wilson(summary.wins, count)
    held = sum(trade.exit_at - trade.entry_at for trade in trades)
    return TradeStatistics(
        trades=count,
        wins=summary.wins,
        losses=losses,
        win_rate=summary.win_rate,
        win_rate_low=None if interval is None else interval[0],
        win_rate_high=None if interval is None else interval[1],
        profit=summary.profit,
        loss=summary.loss,
        profit_factor=summary.profit_factor,
        gross=total(trade.gross for trade in trades),
        fees=total(trade.fees for trade in trades),
        slippage=total(trade.slippage for trade in trades),
        funding=total(trade.funding for trade in trades),
        net=summary.net,
        expectancy=ratio(summary.net, count),
        average_win=ratio(summary.profit, summary.wins),
        average_loss=ratio(summary.loss, losses),
        payoff_ratio=payoff(summary.profit, summary.wins, summary.loss, losses),
        best=max(nets, default=None),
        worst=min(nets, default=None),
        turnover=total(trade.turnover for trade in trades),
        longest_wins=longest(nets, won=True),
        longest_losses=longest(nets, won=False),
        average_mae=ratio(total(trade.mae for trade in trades), count),
        average_mfe=ratio(total(trade.mfe for trade in trades), count),
        average_bars=ratio(sum(trade.bars for trade in trades), count),
        average_held_ms=held // count if count else None,
    )


def payoff(profit: Decimal, wins: int, loss: Decimal, losses: int) -> Decimal | None:
    """Average win / average loss, from the sums: no quotient is rounded twice."""
    if wins == 0:
        return None
    return ratio(EXACT.multiply(profit, Decimal(losses)), EXACT.multiply(loss, Decimal(wins)))


def longest(nets: Iterable[Decimal], *, won: bool) -> int:
    """Count the longest run of wins (net > 0), or of losses, in the order given."""
    runs = groupby(nets, key=lambda net: net > 0)
    return max((sum(1 for _ in run) for kind, run in runs if kind is won), default=0)


def exposure(held: Iterable[tuple[int, int]], start: int, end: int) -> Decimal | None:
    """Give the share of start … end (ms) in which any position was held; None for no time.

    `held` are pairs of entry and exit, in any order; where positions overlap, time counts once.
    """
    covered, until = 0, start
    for entered, left in sorted(held):
        begin, finish = max(entered, until), min(left, end)
        if finish > begin:
            covered += finish - begin
            until = finish
    return ratio(covered, max(end - start, 0))


def yearly_turnover(turnover: Decimal, capital: Decimal, span_ms: int) -> Decimal | None:
    """Say how often a year (365 days) the first capital was bought or sold; None for no time."""
    if capital <= 0 or span_ms <= 0:
        return None
    return ratio(EXACT.multiply(turnover, YEAR_MS), EXACT.multiply(capital, span_ms))
