"""Sizes that follow from the trades that the account closed, and what it remembers for them.

Only where a strategy's method looks back (`uses.record`, from `sizing_methods`) does its account
remember, so all others pay nothing; all such methods share one record, and so one compiled broker.
Functions, arguments and examples are as in `sizing`: equity $17,000, close 100, no limits.
"""

from typing import Any

from kernels.dialect import each, floor, maximum, minimum, sqrt
from kernels.dtypes import LAST_CLOSED, LAST_LOTS, OWN_RECORD
from kernels.library.sizing import above_zero


def place(trades: float, length: float) -> float:
    """Where in a ring of that length the next trade goes, after so many."""
    return trades - length * floor(trades / length)


def remember(account: Any, held: Any, net: float, uses: Any) -> float:
    """Keep what sizes follow from of a trade that just closed, which no sum counts yet."""
    if uses.record > 0.0:
        account.wins_in_row = account.wins_in_row + 1.0
        if not net > 0.0:
            account.wins_in_row = 0.0
        of_a_lot = net / held.lots
        account.worst_lot = maximum(-of_a_lot, account.worst_lot)
        account.lot_0[place(account.trades, LAST_LOTS)] = of_a_lot
        closed = account.profit - account.loss + net
        account.closed_0[place(account.trades, LAST_CLOSED)] = closed
    return 0.0


def kelly_share(account: Any, sizing: Any, part: float) -> float:
    """Share of equity: p − (1 − p) / b of the account's own trades, or `part` of it; at least 0."""
    share = sizing.value
    if account.trades >= OWN_RECORD and account.wins > 0.0 and account.loss > 0.0:
        chance = account.wins / account.trades
        odds = account.profit / account.wins / (account.loss / (account.trades - account.wins))
        share = maximum(chance - (1.0 - chance) / odds, 0.0) / part
    return share


def by_kelly(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """The share that grows fastest: N = E · f, f = p − (1 − p) / b, at least 0.

    J. L. Kelly, A New Interpretation of Information Rate (1956); Edward Thorp, The Kelly Criterion
    (2006). p is wins / trades, b the average win over the average loss, of all closed trades of the
    account. Before 20 trades, or without a win or money lost, N = E · value. value: (0, 16].
    Example: 12 wins of $100 and 8 losses of $75 on average: p = 0.6, b = 4/3, f = 0.6 − 0.4 / (4/3)
    = 0.3; equity is $17,600, N = $5,280, 52.8 base.
    """
    return account.equity * kelly_share(account, sizing, 1.0) / (ticks * market.unit)


def by_kelly_half(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """Half of what `kelly` asks: N = E · f / 2, with the same f.

    Thorp (2006): three quarters of the growth at half the deviation. Before 20 trades N = E ·
    value, not half of it. value: (0, 16]. Example: as for `kelly`, N = $2,640, 26.4 base.
    """
    return account.equity * kelly_share(account, sizing, 2.0) / (ticks * market.unit)


def by_kelly_quarter(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """A quarter of what `kelly` asks: N = E · f / 4, with the same f.

    Before 20 trades N = E · value. value: (0, 16]. Example: as for `kelly`, N = $1,320, 13.2 base.
    """
    return account.equity * kelly_share(account, sizing, 4.0) / (ticks * market.unit)


def by_equity_curve(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """N = E · value, and half of it while the account's own balance is below its mean.

    Trading the equity curve: the balance of closed trades (capital and their nets) after the last
    one, against its mean after each of the last 10 trades (all, while there are fewer).
    value: (0, 16].
    Example: value 0.1, nets of +$300 and −$200: balances 17,300 and 17,100, mean 17,200: half of
    $1,710, 8.55 base. A third of +$300: 17,400 is above 17,266.67: $1,740, 17.4 base.
    """
    total = 0.0
    for k in each(LAST_CLOSED):
        total = total + account.closed_0[k]
    share = sizing.value
    earned = account.profit - account.loss
    if earned * minimum(account.trades, LAST_CLOSED) < total:
        share = share / 2.0
    return account.equity * share / (ticks * market.unit)


def doubled(count: float) -> float:
    """2 to the power of a count, of at most 3."""
    result = 1.0
    if count >= 1.0:
        result = 2.0
    if count >= 2.0:
        result = 4.0
    if count >= 3.0:
        result = 8.0
    return result


def by_martingale(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """Twice as much after each loss: N = E · value · 2^min(losses in a row, 3).

    The gambler's martingale, as old as d'Alembert's days; bounded here, and with limits on the cut
    works against it. A win ends the row. value: (0, 16].
    Example: value 0.01 and equity $16,800 after two losses in a row: 4 · $168 = $672, 6.72 base.
    """
    share = sizing.value * doubled(account.losses)
    return account.equity * share / (ticks * market.unit)


def by_anti_martingale(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """Twice as much after each win: N = E · value · 2^min(wins in a row, 3).

    The reverse martingale (paroli). A trade that does not win ends the row. value: (0, 16].
    Example: value 0.01 and equity $17,400 after four wins in a row: 8 · $174 = $1,392, 13.92 base.
    """
    share = sizing.value * doubled(account.wins_in_row)
    return account.equity * share / (ticks * market.unit)


def by_fixed_ratio(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """One unit more whenever each unit held has earned delta: N = value · units.

    units = floor((1 + √(1 + 8 · P / delta)) / 2), P the closed net of the account in quote, at
    least 0: Ryan Jones, The Trading Game (1999). value: quote of one unit, (0, 1e15]; figure:
    delta, quote, above 0.
    Example: value 400, delta 100: 1 unit up to a net of $100, 2 from there, 3 from $300, 4 from
    $600; at $599 3 units, N = $1,200, 12 base.
    """
    earned = maximum(account.profit - account.loss, 0.0)
    units = floor((1.0 + sqrt(1.0 + 8.0 * earned / (above_zero(sizing.figure) * 1e8))) / 2.0)
    return sizing.value * 1e8 * units / (ticks * market.unit)


def by_williams(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """The worst that ever happened would cost that share: lots = E · value / largest loss of a lot.

    Larry Williams, Long-Term Secrets to Short-Term Trading (1999). The loss is the net of a trade
    over the lots it was opened with; before any, the stop's, as `risk`. value: (0, 1].
    Example: value 0.02, and a trade of 10 base that lost $200, $20 a base: equity $16,800,
    $336 / 20 = 16.8 base.
    """
    loss = gap * market.unit
    if account.worst_lot > 0.0:
        loss = account.worst_lot
    return account.equity * sizing.value / loss


def largest_recent_loss(account: Any) -> float:
    """The largest loss of a lot in the last trades, money; 0: none lost."""
    found = 0.0
    for k in each(LAST_LOTS):
        found = maximum(-account.lot_0[k], found)
    return found


def best_share(account: Any, loss: float) -> float:
    """The first f of 0.05, 0.10 … 1 whose growth over the last trades is the largest."""
    best = 0.0
    most = 0.0
    for step in each(20.0):
        f = (step + 1.0) / 20.0
        growth = 1.0
        for k in each(LAST_LOTS):  # a trade that is not there yet has a net of 0
            growth = growth * (1.0 + f * account.lot_0[k] / loss)
        if growth > most:
            most = growth
            best = f
    return best


def by_optimal_f(
    account: Any, market: Any, limits: Any, sizing: Any, ticks: float, gap: float
) -> float:
    """The share that grew fastest is lost if the worst recurs: lots = E · value · f / largest loss.

    f of 0.05, 0.10 … 1 maximises Π(1 + f · net / largest loss) over the nets of a lot of the last
    50 trades: Ralph Vince, Portfolio Management Formulas (1990), The Mathematics of Money
    Management (1992). Before 20 trades, or where none of the 50 lost, as `risk` at 1 %.
    value: (0, 1].
    Example: value 0.1, 10 wins of $2 and 10 losses of $1 a base: (1 + 2f)(1 − f) is largest at
    f = 0.25; equity $17,100, $427.50 / $1 = 427.5 base.
    """
    loss = largest_recent_loss(account)
    share = 0.01
    over = gap * market.unit
    if account.trades >= OWN_RECORD and loss > 0.0:
        share = sizing.value * best_share(account, loss)
        over = loss
    return account.equity * share / over
