"""The account: its money is exact, its fold is total, and its ids are its own."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec.structs import replace

from domain.cause import Cause
from domain.entries import COUNTABLE, Approved, EntryOrder, Refused
from domain.event import Event
from domain.limits import effective
from domain.portfolio import aggregate as account
from domain.portfolio import safety
from domain.portfolio.events import Intent, OrderSide, PositionClosed
from domain.portfolio.judging import Began, judge_entry
from domain.portfolio.state import Portfolio, evolve

SYMBOL = "BTC-USDT"
STREAM = "portfolio/paper/s/v1/B"
CAPITAL = Decimal(17_000)
TICK, LOT = Decimal("0.01"), Decimal("0.001")
MONEY = st.integers(0, 10**9).map(lambda units: Decimal(units).scaleb(-8))
PRICES = st.integers(100_000, 10_000_000).map(lambda ticks: ticks * TICK)


class Book:
    """An account under test, with its history."""

    def __init__(self) -> None:
        self.state = Portfolio(stream=STREAM)
        self.history: list[Event] = []
        self.bar = 0
        self.symbol = SYMBOL

    def cause(self) -> Cause:
        self.bar += 60_000
        return Cause(f"step/{self.bar}", "", "engine", self.bar)

    def take(self, event: Event) -> None:
        self.state = evolve(self.state, event)
        self.history.append(event)

    def open(self) -> "Book":
        for event in account.open_account(
            self.state, self.cause(), "paper", "s", "v1", "B", 8, CAPITAL
        ):
            self.take(event)
        return self

    def trade(
        self, side: OrderSide, quantity: Decimal, prices: list[Decimal], money: list[Decimal]
    ) -> PositionClosed:
        """One trade: entry price and reference, exit price and reference; two fees, one funding."""
        other: OrderSide = "sell" if side == "buy" else "buy"
        began = Began(*[self.state.cash] * 3)
        verdict = judge_entry(
            self.state, SYMBOL, LOT, TICK, TICK, began, {SYMBOL: prices[0]}, effective()
        )
        assert isinstance(verdict, Approved)
        self.order(side, "entry", quantity, prices[0], verdict)
        self.fill("entry", quantity, prices[0], prices[1], money[0])
        levels = prices[0], None
        opened = account.open_position(self.state, self.cause(), self.bar, SYMBOL, *levels, "tag")
        self.take(opened)
        self.take(account.pay_funding(self.state, self.cause(), "BTC-USDT", 0.0001, money[1]))
        self.order(other, "stop", quantity, prices[3])
        self.fill("stop", quantity, prices[2], prices[3], money[2])
        closed = account.close_position(self.state, self.cause(), SYMBOL, Decimal(0), Decimal(0), 3)
        self.take(closed)
        return closed

    def order(
        self,
        side: OrderSide,
        intent: Intent,
        quantity: Decimal,
        price: Decimal,
        approval: Approved[EntryOrder] | None = None,
    ) -> None:
        cause = self.cause()
        self.take(
            account.place_order(
                self.state,
                cause,
                self.bar,
                self.symbol,
                side,
                intent,
                quantity,
                price,
                "",
                approval,
            )
        )

    def fill(
        self,
        intent: Intent,
        quantity: Decimal,
        price: Decimal,
        reference: Decimal,
        fee: Decimal,
    ) -> None:
        order = self.state.order(self.symbol, intent)
        assert order is not None
        self.take(
            account.fill_order(
                self.state, self.cause(), order, quantity, price, reference, fee, "taker"
            )
        )


def trades() -> SearchStrategy[list[tuple[str, int, list[Decimal], list[Decimal]]]]:
    one = st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 200),
        st.lists(PRICES, min_size=4, max_size=4),
        st.lists(MONEY, min_size=3, max_size=3),
    )
    return st.lists(one, max_size=4)


@given(trades())
def test_trades_when_closed_then_parts_sum_to_the_whole_and_cash_to_the_nets(
    made: list[tuple[OrderSide, int, list[Decimal], list[Decimal]]],
) -> None:
    book = Book().open()
    nets = Decimal(0)
    for side, lots, prices, money in made:
        if book.state.cash < 10_000:
            break
        sign = 1 if side == "buy" else -1
        before, quantity = book.state.cash, lots * LOT
        trade = book.trade(side, quantity, prices, money)
        assert trade.net == trade.gross - trade.fees - trade.slippage - trade.funding
        assert trade.net == (prices[2] - prices[0]) * quantity * sign - sum(money)
        assert trade.gross == (prices[3] - prices[1]) * quantity * sign
        assert (trade.entry_price, trade.exit_price) == (prices[0], prices[2])
        assert trade.reason == "stop"
        assert book.state.cash - before == trade.net
        nets += trade.net
    assert book.state.cash == CAPITAL + nets
    assert book.state.tally.profit - book.state.tally.loss == nets
    replayed = Portfolio(stream=STREAM)
    for event in book.history:
        replayed = evolve(replayed, event)
    assert replayed == book.state


def test_position_when_left_in_parts_then_net_and_equity_stay_exact() -> None:
    book = Book().open()
    ten = Decimal(10)
    verdict = Approved(EntryOrder(SYMBOL, ten, ten, 8, ten))
    book.order("sell", "entry", Decimal(4), ten, verdict)
    book.fill("entry", Decimal(4), ten, ten, Decimal("0.1"))
    book.take(account.open_position(book.state, book.cause(), 0, SYMBOL, None, None, ""))
    book.order("buy", "target", Decimal(1), Decimal(8))
    book.fill("target", Decimal(1), Decimal(8), Decimal(8), Decimal("0.2"))
    assert book.state.equity({SYMBOL: Decimal(7)}) == CAPITAL - Decimal("0.3") + 2 + 9
    assert book.state.equity({"ETH-USDT": Decimal(7)}) is None
    with pytest.raises(account.NothingToClose, match="holds 3 BTC-USDT, must be 0"):
        account.close_position(book.state, book.cause(), SYMBOL, Decimal(0), Decimal(0), 1)
    book.order("buy", "stop", Decimal(3), Decimal(11))
    book.fill("stop", Decimal(3), Decimal(12), Decimal(11), Decimal("0.3"))
    trade = account.close_position(book.state, book.cause(), SYMBOL, Decimal(0), Decimal(0), 1)
    assert (trade.quantity, trade.gross, trade.slippage) == (Decimal(4), Decimal(-1), Decimal(3))
    assert trade.net == Decimal(-1) - Decimal("0.6") - 3
    book.take(trade)
    assert book.state.cash == CAPITAL + trade.net


def test_entry_when_not_approved_then_cannot_be_placed() -> None:
    book = Book().open()
    with pytest.raises(ValueError, match="must pass judge_order"):
        book.order("buy", "entry", LOT, Decimal(100))


def test_entry_when_a_breaker_is_tripped_then_is_refused_until_it_is_cleared() -> None:
    book = Book().open()
    loss = Decimal(501)
    book.take(safety.trip(book.state, book.cause(), "RISK_DAILY_LOSS", Decimal(500), loss, 1))
    assert judged(book) == Refused("RISK_DAILY_LOSS", Decimal(500), Decimal(0))
    book.take(safety.clear(book.state, book.cause(), "RISK_DAILY_LOSS"))
    assert isinstance(judged(book), Approved)


@pytest.mark.parametrize("unknown", range(3))
def test_entry_when_a_period_began_unknown_then_is_refused(unknown: int) -> None:
    began: list[Decimal | None] = [CAPITAL] * 3
    began[unknown] = None
    verdict = judged(Book().open(), began=Began(*began))
    assert verdict == Refused("RISK_FIGURE_MISSING", COUNTABLE, None)


def judged(
    book: Book,
    symbol: str = "BTC-USDT",
    quantity: Decimal = LOT,
    began: Began | None = None,
    prices: dict[str, Decimal] | None = None,
) -> Approved[EntryOrder] | Refused:
    return judge_entry(
        book.state,
        symbol,
        quantity,
        Decimal(100),
        Decimal(5),
        Began(*[CAPITAL] * 3) if began is None else began,
        PRICES_NOW if prices is None else prices,
        effective(),
    )


PRICES_NOW = {"BTC-USDT": Decimal(20_000), "ETH-USDT": Decimal(1_000), "SOL-USDT": Decimal(50)}
WORTH = Decimal(7_900)  # quote of an entry: the margin is within $1,000


def several(*symbols: str) -> Book:
    """An account that holds $7,900 of each symbol."""
    book = Book().open()
    for symbol in symbols:
        price = PRICES_NOW[symbol]
        book.symbol, quantity = symbol, WORTH / price
        verdict = judged(book, symbol, quantity)
        assert isinstance(verdict, Approved)
        book.order("buy", "entry", quantity, price, verdict)
        book.fill("entry", quantity, price, price, Decimal(0))
        opened = account.open_position(book.state, book.cause(), 0, symbol, None, None, "")
        book.take(opened)
    return book


def test_account_when_it_holds_several_symbols_then_each_has_its_own_position() -> None:
    book = several("SOL-USDT", "BTC-USDT", "ETH-USDT")
    state = book.state
    assert [held.symbol for held in state.positions] == ["BTC-USDT", "ETH-USDT", "SOL-USDT"]
    assert state.equity(PRICES_NOW) == CAPITAL
    assert state.equity({**PRICES_NOW, "ETH-USDT": Decimal(1_100)}) == CAPITAL + 790
    assert len(state.open_nets()) == 3
    book.symbol = "ETH-USDT"
    book.take(account.pay_funding(state, book.cause(), "ETH-USDT", 0.1, Decimal(3)))
    book.order("sell", "stop", Decimal("7.9"), Decimal(900))
    book.fill("stop", Decimal("7.9"), Decimal(900), Decimal(900), Decimal(1))
    trade = account.close_position(book.state, book.cause(), "ETH-USDT", Decimal(0), Decimal(0), 1)
    assert (trade.net, trade.funding) == (Decimal(-794), Decimal(3))
    book.take(trade)
    assert [held.symbol for held in book.state.positions] == ["BTC-USDT", "SOL-USDT"]
    assert (book.state.cash, book.state.losses) == (CAPITAL - 794, 1)


def test_entry_when_other_symbols_are_held_or_wait_then_they_count_beside_it() -> None:
    book = several("SOL-USDT", "ETH-USDT")
    quantity = Decimal("0.395")
    assert isinstance(judged(book, quantity=quantity), Approved)
    crash = {**PRICES_NOW, "SOL-USDT": Decimal("0.01"), "ETH-USDT": Decimal(40)}
    fallen = Began(*[Decimal(2_000)] * 3)  # about $1,500 is left: Σ notional ≤ $12,000
    assert isinstance(judged(book, quantity=Decimal("0.05"), prices=crash, began=fallen), Approved)
    waiting = Approved(EntryOrder("SOL-USDT", WORTH, WORTH, 8, WORTH))
    book.symbol = "SOL-USDT"
    book.order("buy", "entry", Decimal(1_100_000), Decimal("0.01"), waiting)
    refused = judged(book, quantity=Decimal("0.05"), prices=crash, began=fallen)
    assert isinstance(refused, Refused)
    assert refused.code == "RISK_NOTIONAL"
    assert refused.observed == 1_000 + 11_000 + Decimal("1.58") + 316


def test_entry_when_it_reverses_then_what_it_leaves_does_not_count() -> None:
    book = several("BTC-USDT")
    book.symbol = "BTC-USDT"
    tight = replace(effective(), positions=1)
    judge = (LOT, Decimal(100), TICK, Began(*[CAPITAL] * 3), PRICES_NOW, tight)
    refused = judge_entry(book.state, "BTC-USDT", *judge)
    assert refused == Refused("RISK_POSITIONS", Decimal(1), Decimal(2))
    book.order("sell", "reverse", Decimal("0.395"), Decimal(20_000))
    assert isinstance(judge_entry(book.state, "BTC-USDT", *judge), Approved)
    assert judge_entry(book.state, "ETH-USDT", *judge) == refused


def test_entry_when_a_symbol_that_is_held_has_no_price_then_is_refused() -> None:
    prices = {"BTC-USDT": Decimal(20_000)}
    verdict = judged(several("ETH-USDT"), prices=prices)
    assert verdict == Refused("RISK_FIGURE_MISSING", COUNTABLE, None)


@pytest.mark.parametrize("intent", get_args(Intent))
def test_order_when_of_any_intent_then_can_be_placed(intent: Intent) -> None:
    book = Book().open()
    book.order("buy", intent, LOT, Decimal(1), Approved(EntryOrder(SYMBOL, LOT, LOT, 8, LOT)))
    assert book.state.order(SYMBOL, intent) is not None


def test_account_when_opened_already_then_is_not_opened_again() -> None:
    book = Book().open()
    cause = book.cause()
    assert account.open_account(book.state, cause, "paper", "s", "v1", "B", 8, CAPITAL) == ()


def history() -> list[Event]:
    book = Book().open()
    book.trade("buy", LOT, [Decimal(100)] * 4, [Decimal(1)] * 3)
    cause = book.cause()
    book.take(safety.mark(book.state, cause, *[Decimal(1)] * 5, {}))
    book.take(safety.trip(book.state, cause, "X", Decimal(1), Decimal(2), None))
    book.take(safety.clear(book.state, cause, "X"))
    book.take(safety.ruin(book.state, cause, Decimal(1), Decimal(2)))
    book.take(account.liquidate(book.state, cause, "BTC-USDT", Decimal(1), Decimal(2)))
    return book.history


@given(st.lists(st.sampled_from(history()), max_size=30))
def test_evolve_when_events_come_in_any_order_then_never_raises(events: list[Event]) -> None:
    state = Portfolio(stream=STREAM)
    for event in events:
        state = evolve(state, event)
        state.open_nets()
    assert state.version == (events[-1].stream_version if events else 0)
