"""Fills of the slow simulator, and the books that they are entered in."""

from collections.abc import Mapping

from tests.trading_simulator_positions import Order, Position
from tests.trading_simulator_prices import bankruptcy_price, share_of, slippage_rate, slipped
from tests.trading_simulator_sizing import History
from tests.trading_simulator_terms import Account, Bar, Fill, Outcome, Symbol


class Books:
    """What an account has, holds and has done. Symbols are known by name."""

    def __init__(self, account: Account, symbols: Mapping[str, Symbol]) -> None:
        self.account = account
        self.symbols = dict(symbols)
        self.outcome = Outcome()
        self.history = History(account.capital)
        self.cash = account.capital
        self.positions: dict[str, Position] = {}
        self.before: dict[str, Bar] = {}  # each symbol's last bar
        self.opens_at = 0  # of the step at hand, ms

    def enter(self, name: str, order: Order, price: int) -> None:
        """Fill a waiting entry at an open."""
        fill = self.filled(name, order.side, "entry", order.lots, price, taker=True)
        symbol, leverage = self.symbols[name], self.account.leverage
        self.positions[name] = Position.opened_by(fill, symbol, order, leverage)

    def leave(self, name: str, intent: str, lots: int, reference: int, taker: bool) -> None:
        """Close lots of a position at a reference price."""
        side = -self.positions[name].side
        self.settle(name, self.filled(name, side, intent, lots, reference, taker))

    def liquidate(self, name: str) -> None:
        """Close a position at the bankruptcy price, without fee or slippage."""
        held = self.positions[name]
        price = bankruptcy_price(held.entry, held.side, self.account.leverage)
        fill = Fill(
            self.opens_at, name, -held.side, "liquidation", held.lots, price, price, 0, 0, True
        )
        self.outcome.fills.append(fill)
        self.settle(name, fill)

    def filled(
        self, name: str, side: int, intent: str, lots: int, reference: int, taker: bool
    ) -> Fill:
        symbol = self.symbols[name]
        price = reference
        if taker:
            before, leverage = self.before.get(name), self.account.leverage
            rate = slippage_rate(symbol, leverage, before, lots, reference)
            price = slipped(reference, side, rate)
        money = lots * symbol.unit
        fee = share_of(price * money, symbol.taker if taker else symbol.maker)
        cost = abs(price - reference) * money
        at = self.opens_at
        fill = Fill(at, name, side, intent, lots, price, reference, fee, cost, taker)
        self.cash -= fee
        self.outcome.fills.append(fill)
        return fill

    def settle(self, name: str, fill: Fill) -> None:
        held = self.positions[name]
        held.close(fill)
        if held.lots == 0:
            del self.positions[name]
            trade = held.trade(fill)
            self.cash += held.realised
            self.history.add(trade.net, trade.lots)
            self.outcome.trades.append(trade)
