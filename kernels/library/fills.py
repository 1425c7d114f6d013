"""What a fill costs and does: its price, its fee, and the trade that it opens, closes or ends.

Takers are worsened by slippage and rounded against; targets rest as makers. Levels are signed
(ticks × side): a level is reached where the signed price is at or below it, or above it for a
target, whichever the side.
"""

from typing import Any

from kernels.dialect import emit, floor, maximum, minimum, nan
from kernels.dtypes import CLOSED, ENTRY, FILL, LIQUIDATION, OPENED
from kernels.library.sizing_record import remember
from kernels.library.windows import whole


def sign(x: float, uses: Any) -> float:
    """+1 for x ≥ 0, −1 below."""
    result = 1.0
    if uses.shorts > 0.0 and x < 0.0:
        result = -1.0
    return result


def at_edge(account: Any, held: Any, signed: float, uses: Any) -> bool:
    """Whether a signed price is where the venue takes the position; a long at 1× never."""
    result = False
    if account.leverage > 1.0 or uses.shorts > 0.0:
        result = signed <= held.edge
    return result


def slippage(account: Any, bar: Any, market: Any, lots: float, ticks: float) -> float:
    """Fraction by which a taker's price is worsened.

    Dynamic: (base + min(1 % · notional / turnover, 0.5 %)) · min(1 + range / 2 %, 4) ·
    (1 + leverage / 62.5), within 0.005 % and 0.5 %; turnover and range are those of the bar before.
    """
    result = market.slippage
    if market.dynamic > 0.0:
        impact = 0.005
        if bar.turnover > 0.0:
            impact = minimum(0.01 * (lots * ticks * market.unit) / bar.turnover, 0.005)
        stirred = minimum(1.0 + bar.range / 0.02, 4.0)
        result = (market.slippage + impact) * stirred * (1.0 + account.leverage / 62.5)
        result = minimum(maximum(result, 0.00005), 0.005)
    return result


def worsened(side: float, ticks: float, slippage: float) -> float:
    """Price in whole ticks after slippage, rounded against a taker who buys (+1) or sells (−1)."""
    result = floor(ticks * (1.0 - slippage) + 1e-6)
    if side > 0.0:
        result = -floor(-(ticks * (1.0 + slippage) - 1e-6))
    return maximum(result, 1.0)


def bankruptcy(account: Any, held: Any, side: float) -> float:
    """Price in ticks at which an isolated position has lost its margin."""
    return floor(held.entry_ticks * (1.0 - side / account.leverage) + 0.5)


def liquidation(account: Any, held: Any, market: Any, side: float) -> float:
    """Signed ticks at which the venue takes an isolated position; NaN: never.

    Long entry·(1 − 1/L)/(1 − mmr), short entry·(1 + 1/L)/(1 + mmr); a long at L = 1 never.
    """
    kept = 1.0 - side * market.maintenance
    edge = held.entry_ticks * (1.0 - side / account.leverage) / kept
    result = nan
    if edge > 0.0:
        result = side * edge
    return result


def count(account: Any, held: Any, net: float, uses: Any) -> float:
    """Add a closed trade to the account's sums, and to what its sizing remembers."""
    remember(account, held, net, uses)
    account.trades = account.trades + 1.0
    if net > 0.0:
        account.wins = account.wins + 1.0
        account.profit = account.profit + net
        account.losses = 0.0
        account.strikes = 0.0
    else:
        account.loss = account.loss - net
        account.losses = account.losses + 1.0
        account.strikes = account.strikes + 1.0
    account.all_fees = account.all_fees + held.fees
    account.all_slippage = account.all_slippage + held.slippage
    account.all_funding = account.all_funding + held.funding
    return 0.0


def finish(
    account: Any,
    held: Any,
    market: Any,
    at_close: int,
    side: float,
    intent: float,
    price: float,
    paid: float,
    uses: Any,
) -> float:
    """Settle a position that is flat again, and write the trade."""
    net = held.realised - held.fees - held.funding
    worst = minimum(held.worst, price * side) - held.entry_price * side
    best = maximum(held.best, price * side) - held.entry_price * side
    emit(
        CLOSED,
        at_close,
        side,
        held.lots,
        held.entry_ticks,
        paid,
        held.realised + held.slippage,
        held.fees,
        held.slippage,
        held.funding,
        net,
        worst * held.lots * market.unit,
        best * held.lots * market.unit,
        held.bars,
        intent,
    )
    account.cash = account.cash + held.realised
    count(account, held, net, uses)
    held.realised = 0.0
    held.stop = nan
    held.edge = nan
    held.target = nan
    held.target_2 = nan
    held.target_3 = nan
    held.trail = nan
    held.trailed = 0.0
    return 0.0


def close_lots(
    account: Any,
    held: Any,
    market: Any,
    at_close: int,
    intent: float,
    lots: float,
    price: float,
    paid: float,
    taker: float,
    uses: Any,
) -> float:
    """Close some of the position at `paid` ticks, decided at `price` ticks."""
    side = sign(held.position, uses)
    rate = market.maker
    if taker > 0.0:
        rate = market.taker
    if intent == LIQUIDATION:  # its cost is the margin between here and bankruptcy
        rate = 0.0
    fee = whole(paid * lots * market.unit * rate)
    slip = (price - paid) * side * lots * market.unit
    made = (paid - held.entry_ticks) * side * lots * market.unit
    account.cash = account.cash - fee
    held.fees = held.fees + fee
    held.slippage = held.slippage + slip
    held.realised = held.realised + made
    held.position = held.position - side * lots
    emit(FILL, at_close, -side, intent, lots, paid, price, fee, slip, taker)
    if held.position == 0.0:
        finish(account, held, market, at_close, side, intent, price, paid, uses)
    return 0.0


def open_position(account: Any, held: Any, intents: Any, bar: Any, market: Any, uses: Any) -> float:
    """Fill the waiting entry at the open; its levels are anchored to the fill."""
    side = sign(intents.entry_lots, uses)
    price = bar.open
    lots = intents.entry_lots * side
    paid = worsened(side, price, slippage(account, bar, market, lots, price))
    fee = whole(paid * lots * market.unit * market.taker)
    slip = (paid - price) * intents.entry_lots * market.unit
    held.position = intents.entry_lots
    held.lots = lots
    held.entry_price = price
    held.entry_ticks = paid
    held.realised = 0.0
    held.fees = fee
    held.slippage = slip
    held.funding = 0.0
    held.bars = 0.0
    held.opened_at = bar.timestamp
    held.worst = price * side
    held.best = price * side
    held.tag = intents.tag
    held.stop = side * maximum(paid - side * intents.stop_ticks, 1.0)
    if account.leverage > 1.0 or uses.shorts > 0.0:
        held.edge = liquidation(account, held, market, side)
    if uses.targets > 0.0:
        held.target = paid * side + intents.target_ticks
    if uses.targets > 1.0:
        held.target_2 = paid * side + intents.target_2_ticks
        held.target_3 = paid * side + intents.target_3_ticks
        held.lots_1 = maximum(floor(lots * intents.share_1 + 1e-9), 1.0)
        held.lots_2 = maximum(floor(lots * intents.share_2 + 1e-9), 1.0)
    if uses.trail > 0.0:
        held.trail = intents.trail_ticks
    account.cash = account.cash - fee
    emit(FILL, 0, side, ENTRY, lots, paid, price, fee, slip, 1.0)
    emit(OPENED, 0, side, lots, paid, held.stop * side, held.target * side, held.tag)
    intents.entry_lots = 0.0
    return 0.0
