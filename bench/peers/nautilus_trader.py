"""nautilus_trader: its BacktestEngine, event by event, on bars.

With bars alone its venue fills a market order at once, at the close of the deciding bar: there is
no "next open" to be had, so its equity is held against the reference with `fills_at="close"`. Its
EMA begins at the first value; begun at the mean of the first n closes instead, it is the package's.
The depth at each price of a bar is set far above any order, or the venue would slip it a tick.
"""

# mypy: disable-error-code="import-not-found, import-untyped, misc"
# What it imports is installed in the peer's environment alone.

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.indicators import ExponentialMovingAverage, SimpleMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from bench.peers.child import Engine, Stopwatch, Timed, serve
from bench.peers.job import Bars, Floats, Job, Outcome, amounts, drawdown

VENUE = Venue("BENCH")
DEPTH = 100_000.0  # base: volume of every bar
NOTES = ("market orders fill at the close of the deciding bar",)


class Seeded:
    """An average of the engine's own, begun as the package's rules have it."""

    def __init__(self, kind: str, n: int) -> None:
        self.simple = kind == "sma_cross"
        self.inner = SimpleMovingAverage(n) if self.simple else ExponentialMovingAverage(n)
        self.n = n
        self.seen: list[float] = []

    def update(self, close: float) -> float:
        """Take a close; NaN until n of them were seen."""
        if len(self.seen) == self.n:
            self.inner.update_raw(close)
            return float(self.inner.value)
        self.seen.append(close)
        if self.simple:
            self.inner.update_raw(close)
        elif len(self.seen) == self.n:
            self.inner.update_raw(sum(self.seen) / self.n)
        return float(self.inner.value) if len(self.seen) == self.n else float("nan")


class Crossing(Strategy):
    """The package's rules."""

    def __init__(self, bar_type: BarType, job: Job, decided: Floats, pair: tuple[int, int]) -> None:
        super().__init__()
        self.bar_type = bar_type
        self.quick, self.steady = (Seeded(job.kind, n) for n in pair)
        self.decided = decided.tolist()
        self.at = -1
        self.before = float("nan")
        self.held: Any = None
        self.fills: list[tuple[int, float, float, float]] = []

    def on_start(self) -> None:
        """Ask for the bars."""
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Decide at a close."""
        self.at += 1
        close = bar.close.as_double()
        now = self.quick.update(close) - self.steady.update(close)
        if now > 0.0 and self.before <= 0.0 and self.held is None:
            self.held = Quantity(self.decided[self.at], 8)
            self.send(OrderSide.BUY)
        elif now < 0.0 and self.before >= 0.0 and self.held is not None:
            self.send(OrderSide.SELL)
            self.held = None
        self.before = now

    def send(self, side: OrderSide) -> None:
        """Put in a market order for what is, or is to be, held."""
        instrument_id = self.bar_type.instrument_id
        self.submit_order(self.order_factory.market(instrument_id, side, self.held))

    def on_order_denied(self, event: Any) -> None:
        """Fail: the account is to hold enough for every order."""
        raise RuntimeError(f"order was denied: {event.reason}")

    def on_order_rejected(self, event: Any) -> None:
        """Fail: the account is to hold enough for every order."""
        raise RuntimeError(f"order was rejected: {event.reason}")

    def on_order_filled(self, event: Any) -> None:
        """Keep the fill."""
        sign = 1.0 if event.order_side == OrderSide.BUY else -1.0
        price, fee = event.last_px.as_double(), event.commission.as_double()
        self.fills.append((self.at, sign * event.last_qty.as_double(), price, fee))


def instrument(job: Job) -> CurrencyPair:
    fee = Decimal(str(job.fee))
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol("BTCUSDT"), VENUE),
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=0,
        size_precision=8,
        price_increment=Price(1, 0),
        size_increment=Quantity(1e-8, 8),
        ts_event=0,
        ts_init=0,
        maker_fee=fee,
        taker_fee=fee,
    )


def prepared(job: Job, pair: CurrencyPair, data: list[Bar]) -> BacktestEngine:
    config = BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    engine = BacktestEngine(config)
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.CASH,
        starting_balances=[Money(job.cash, USDT), Money(0, BTC)],
        base_currency=None,
    )
    engine.add_instrument(pair)
    engine.add_data(data, sort=False)
    return engine


def outcome(strategy: Crossing, bars: Bars, job: Job, pair: tuple[int, int]) -> Outcome:
    paid, held = np.zeros(len(bars)), np.zeros(len(bars))
    for at, amount, price, fee in strategy.fills:
        paid[at] -= amount * price + fee
        held[at] += amount
    equity = job.cash + np.cumsum(paid) + np.cumsum(held) * bars.close
    closed = sum(amount < 0.0 for _, amount, _, _ in strategy.fills)
    return Outcome(*pair, closed, float(equity[-1]), *drawdown(equity, job.cash))


def agree(engine: BacktestEngine, found: Outcome, bars: Bars) -> None:
    account = engine.portfolio.account(VENUE)
    worth = account.balance_total(USDT).as_double()
    worth += account.balance_total(BTC).as_double() * float(bars.close[-1])
    if abs(worth - found.final_equity) > 1e-9 * worth:
        raise RuntimeError(f"fills gave {found.final_equity}, the engine's account held {worth}")


def load(bars: Bars, job: Job) -> Callable[[], Timed]:
    traded = instrument(job)
    bar_type = BarType.from_str(f"{traded.id}-1-MINUTE-LAST-EXTERNAL")
    frame = pd.DataFrame(
        {name: getattr(bars, name) for name in ("open", "high", "low", "close")},
        index=pd.to_datetime(bars.timestamp + 60_000, unit="ms", utc=True),
    )
    frame["volume"] = DEPTH
    data = BarDataWrangler(bar_type, traded).process(frame)
    decided = amounts(bars.close, job.notional)

    def run() -> Timed:
        seconds = loading = 0.0
        ran = []
        for pair in job.sets:
            watch = Stopwatch()
            engine = prepared(job, traded, data)
            strategy = Crossing(bar_type, job, decided, pair)
            engine.add_strategy(strategy)
            watch.lap("load")
            engine.run()
            watch.lap("run")
            seconds += watch.stages["run"]
            loading += watch.stages["load"]
            found = outcome(strategy, bars, job, pair)
            agree(engine, found, bars)
            engine.dispose()
            ran.append(found)
        return Timed({"run": seconds}, lambda: ran, loading)

    return run


if __name__ == "__main__":
    serve(Engine("nautilus_trader", load, NOTES, fills_at="close"))
