"""Plausible histories of a home, made from a seed: equal seeds give equal events.

The mix is that of a long run: hourly marks of every account above all, then orders, fills and
positions, now and then a refusal, a breaker, a command, a look at the losses. Streams are numbered
without gaps.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from domain.event import Event
from domain.gate import GateFailure, GateVerdict
from domain.home import HomeOpened
from domain.ids import order_id, position_id, signals_stream, step_correlation, strategy_stream
from domain.instrument import Instrument
from domain.market import BarsSealed
from domain.portfolio import events as portfolio
from domain.signals import SignalRaised
from domain.strategy import events as strategy
from domain.tightening import LimitTightened
from tests.improvement_samples import Loop

START = 1_704_067_200_000  # 2024-01-01T00:00:00Z
HOUR = 3_600_000
SYMBOL = "BTC-USDT-PERP"
STRATEGIES = ("vwap_reversion", "volume_breakout", "consensus")
CENT = Decimal("0.00000001")

E = TypeVar("E", bound=Event)


class History:
    """Makes events one step (an hour) at a time."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 -- a repeatable history, not a secret
        self.caution = Random(seed)  # noqa: S311 -- of its own, so that the rest stays as it was
        self.versions: dict[str, int] = {}
        self.at = START
        self.price = Decimal(40_000)
        self.day_loss = Decimal(500)
        self.accounts: dict[str, Account] = {}
        self.loop = Loop(seed, self.make, SYMBOL)

    def make(self, made: type[E], stream: str, /, **fields: Any) -> E:
        self.versions[stream] = self.versions.get(stream, 0) + 1
        given: dict[str, Any] = {
            "stream": stream,
            "stream_version": self.versions[stream],
            "kind": "derived",
            "occurred_at": self.at,
            "correlation_id": step_correlation(self.at - 60_000),
            "actor": "engine",
        }
        return made(**(given | fields))

    def command(self, made: type[E], stream: str, /, **fields: Any) -> E:
        number = self.versions.get(stream, 0) + 1
        return self.make(
            made,
            stream,
            kind="input",
            effective_at=self.at + 60_000,
            correlation_id=f"command/{stream}/{number}",
            actor="operator:ann",
            **fields,
        )

    def money(self, low: int, high: int) -> Decimal:
        return self.random.randint(low * 10**8, high * 10**8) * CENT

    def open(self) -> Iterator[Event]:
        instrument = Instrument(
            symbol=SYMBOL,
            market="perpetual",
            tick=Decimal("0.1"),
            lot=Decimal("0.001"),
            min_notional=Decimal(5),
            maker=Decimal("0.0002"),
            taker=Decimal("0.0005"),
            slippage=Decimal("0.001"),
            maintenance=Decimal("0.005"),
        )
        yield self.make(
            HomeOpened,
            "home",
            kind="input",
            correlation_id="home",
            feed="synthetic",
            venue="binance",
            timeframe="1m",
            data_digest="synthetic:1:seed=1",
            instruments=(instrument,),
        )
        for name in STRATEGIES:
            stream = strategy_stream(name)
            yield self.make(
                strategy.StrategyRegistered,
                stream,
                kind="input",
                strategy=name,
                description=f"{name}, for tests",
            )
            yield from self.version(name, "v1", None)
        yield self.loop.decide()

    def version(self, name: str, version: str, parent: str | None) -> Iterator[Event]:
        stream = strategy_stream(name)
        yield self.make(
            strategy.VersionAuthored,
            stream,
            kind="input",
            version=version,
            source_sha="ab" * 32,
            parameters={"width": 2.0, "lookback": 20.0},
            timeframe="15m",
            author="seed" if parent is None else "search",
            parent=parent,
            hypothesis="wider bands",
            tokens=0,
            cost=Decimal("0.0125"),
        )
        yield self.make(
            strategy.VersionActivated, stream, mode="paper", version=version, from_bar=self.at
        )
        for sleeve, leverage in (("A", 1), ("B", 8)):
            account = f"portfolio/paper/{name}/{version}/{sleeve}"
            yield from self.account(account, "paper", name, version, sleeve, leverage)

    def account(
        self, stream: str, mode: str, name: str, version: str, sleeve: str, leverage: int
    ) -> Iterator[Event]:
        self.accounts[stream] = Account(self, stream)
        yield self.make(
            portfolio.AccountOpened,
            stream,
            mode=mode,
            strategy=name,
            version=version,
            sleeve=sleeve,
            leverage=leverage,
            capital=Decimal(17_000),
        )

    def step(self) -> Iterator[Event]:
        self.at += HOUR
        self.price += self.random.randint(-2000, 2000) * Decimal("0.1")
        if self.random.random() < 0.03:
            yield from self.signal(self.random.choice(STRATEGIES))
        for account in self.accounts.values():
            yield from account.step()
        if self.random.random() < 0.04:
            yield from self.operate(self.random.choice(STRATEGIES))
        if self.caution.random() < 0.02:
            yield self.guard(strategy_stream(self.caution.choice(STRATEGIES)))
        yield from self.loop.step(STRATEGIES[self.at // HOUR % 3], self.at)
        if (self.at // HOUR) % 24 == 0:
            yield self.sealed()

    def signal(self, name: str) -> Iterator[Event]:
        yield self.make(
            SignalRaised,
            signals_stream(name, self.at),
            mode="paper",
            strategy=name,
            version="v1",
            symbol=SYMBOL,
            bar=self.at - 900_000,
            side=self.random.choice(("long", "short")),
            confidence=0.6,
            tag="below_band",
            price=self.price,
            stop=120.5,
            target=None,
            series={"mid": float(self.price), "spread": None},
        )

    def sealed(self) -> Event:
        return self.make(
            BarsSealed,
            f"market/binance/{SYMBOL}",
            kind="input",
            venue="binance",
            symbol=SYMBOL,
            timeframe="1m",
            start=self.at - 24 * HOUR,
            end=self.at,
            rows=1440,
            absent=0,
            sha256="cd" * 32,
        )

    def operate(self, name: str) -> Iterator[Event]:
        stream = strategy_stream(name)
        what = self.random.randrange(8)
        by = "operator:ann"
        if what == 0:
            until = self.at + HOUR if self.random.random() < 0.5 else None
            yield self.command(strategy.Paused, stream, by=by, reason="news", until=until)
        elif what == 1:
            yield self.command(strategy.Resumed, stream, by=by, reason="calm")
        elif what == 2:
            yield self.make(
                strategy.MarkedReady, stream, version="v1", verdict=verdict(passed=True)
            )
        elif what == 3:
            yield self.command(strategy.DemotedToPaper, stream, by=by, reason="too risky")
        elif what == 4:
            yield self.make(
                strategy.PromotionRefused, stream, version="v1", verdict=verdict(passed=False)
            )
        elif what == 5:
            yield from self.promote(name, stream)
        elif what == 6:
            yield self.make(
                strategy.VersionRejected, stream, version="v2", stage="paper", reasons=("ruined",)
            )
        elif f"portfolio/paper/{name}/v2/A" not in self.accounts:
            yield from self.version(name, "v2", "v1")

    def guard(self, stream: str) -> Event:
        """An operator flattens a strategy, or tightens a limit."""
        if self.caution.random() < 0.5 or self.day_loss <= 1:
            scope = self.caution.choice(("strategy", "home"))
            return self.command(
                strategy.Flattened, stream, by="operator:ann", reason="storm", scope=scope
            )
        old, self.day_loss = self.day_loss, self.day_loss - Decimal("0.5")
        return self.command(
            LimitTightened,
            "limits",
            name="day_loss",
            old=old,
            new=self.day_loss,
            reason="a quiet week",
        )

    def promote(self, name: str, stream: str) -> Iterator[Event]:
        version = self.random.choice(("v1", "v2"))
        yield self.command(
            strategy.PromotionRequested, stream, version=version, reason="it earned it"
        )
        yield self.make(
            strategy.PromotedToLive,
            stream,
            version=version,
            account=f"live/sim/{name}",
            verdict=verdict(passed=True),
            attempts=2,
        )
        yield self.make(
            strategy.VersionActivated, stream, mode="live", version=version, from_bar=self.at
        )
        yield from self.account(f"portfolio/live/sim/{name}", "live", name, version, "B", 8)


class Account:
    """One account's part of each step."""

    def __init__(self, history: History, stream: str) -> None:
        self.history = history
        self.stream = stream
        self.cash = Decimal(17_000)
        self.held: portfolio.PositionOpened | None = None
        self.pending: portfolio.OrderPlaced | None = None

    def step(self) -> Iterator[Event]:
        history, chance = self.history, self.history.random.random()
        if self.pending is not None:
            yield from self.settle(self.pending)
        elif self.held is not None and chance < 0.3:
            yield from self.close(self.held)
        elif self.held is None and chance < 0.06:
            self.pending = self.order("entry", "buy")
            yield self.pending
        if chance > 0.99:
            yield from self.stop()
        yield history.make(
            portfolio.EquityMarked,
            self.stream,
            cash=self.cash,
            unrealised=history.money(-50, 50),
            peak=Decimal(17_100),
            max_drawdown=history.money(0, 900),
            price=history.price,
            prices={},
        )

    def order(self, intent: str, side: str) -> portfolio.OrderPlaced:
        history = self.history
        return history.make(
            portfolio.OrderPlaced,
            self.stream,
            order_id=order_id(self.stream, history.at, SYMBOL, intent, 1),
            symbol=SYMBOL,
            side=side,
            intent=intent,
            order_type="market",
            quantity=Decimal("0.125"),
            reference_price=history.price,
            tag="below_band",
        )

    def fill(self, order: portfolio.OrderPlaced, quantity: Decimal) -> Event:
        history = self.history
        return history.make(
            portfolio.OrderFilled,
            self.stream,
            order_id=order.order_id,
            symbol=SYMBOL,
            side=order.side,
            quantity=quantity,
            price=history.price + Decimal("4.0"),
            reference_price=history.price,
            fee=history.money(0, 3),
            slippage=Decimal("0.50000000"),
            liquidity="taker",
        )

    def settle(self, order: portfolio.OrderPlaced) -> Iterator[Event]:
        history, self.pending = self.history, None
        if history.random.random() < 0.1:
            yield history.make(
                portfolio.OrderCancelled,
                self.stream,
                order_id=order.order_id,
                reason="entries_off",
            )
            return
        part = Decimal("0.025") if history.random.random() < 0.2 else order.quantity
        yield self.fill(order, part)
        if part < order.quantity:
            yield self.fill(order, order.quantity - part)
        self.held = history.make(
            portfolio.PositionOpened,
            self.stream,
            position_id=position_id(self.stream, history.at, SYMBOL),
            symbol=SYMBOL,
            side="long",
            quantity=order.quantity,
            entry_price=history.price + Decimal("4.0"),
            stop=history.price - 100,
            target=None,
            tag=order.tag,
        )
        yield self.held

    def close(self, held: portfolio.PositionOpened) -> Iterator[Event]:
        history, self.held = self.history, None
        reason = history.random.choice(("stop", "target", "time_limit", "reverse"))
        order = self.order(reason, "sell")
        yield order
        yield self.fill(order, order.quantity)
        gross = history.money(-200, 260)
        fees, slippage, funding = history.money(1, 5), history.money(0, 2), history.money(-1, 1)
        net = gross - fees - slippage - funding
        self.cash += net
        yield history.make(
            portfolio.PositionClosed,
            self.stream,
            position_id=held.position_id,
            symbol=SYMBOL,
            side="long",
            quantity=held.quantity,
            entry_at=held.occurred_at,
            exit_at=history.at,
            entry_price=held.entry_price,
            exit_price=history.price,
            gross=gross,
            fees=fees,
            slippage=slippage,
            funding=funding,
            net=net,
            reason=reason,
            tag=held.tag,
            mae=Decimal("-10.00000000"),
            mfe=Decimal("0E-8"),
            bars=history.random.randint(1, 96),
        )

    def stop(self) -> Iterator[Event]:
        history, what = self.history, self.history.random.randrange(7)
        code, limit = "RISK_DAILY_LOSS", Decimal(500)
        if what < 3:
            observed = history.money(500, 600) if what else None
            yield history.make(
                portfolio.RiskRefused,
                self.stream,
                code=code,
                symbol=SYMBOL,
                limit=limit,
                observed=observed,
            )
        elif what == 3:
            yield history.make(
                portfolio.BreakerTripped,
                self.stream,
                code=code,
                limit=limit,
                observed=history.money(500, 600),
                until=history.at + 24 * HOUR,
            )
        elif what == 4:
            yield history.make(portfolio.BreakerCleared, self.stream, code=code)
        elif what == 5:
            yield history.make(
                portfolio.FundingPaid,
                self.stream,
                symbol=SYMBOL,
                rate=0.0001,
                amount=history.money(0, 1),
            )
        elif history.random.random() < 0.2:
            yield history.make(
                portfolio.AccountRuined,
                self.stream,
                equity=Decimal("0.50000000"),
                required=Decimal(5),
            )


def verdict(*, passed: bool) -> GateVerdict:
    """Give the gate's answer for 36 wins in 50 trades, or for 5 in 10."""
    if passed:
        return GateVerdict(
            passed=True,
            trades=50,
            open_trades=1,
            wins=36,
            win_rate=Decimal("0.72000000"),
            win_rate_low=Decimal("0.58334910"),
            profit_factor=Decimal("2.10000000"),
            net=Decimal("812.50000000"),
            attempts=3,
            failures=(),
        )
    return GateVerdict(
        passed=False,
        trades=10,
        open_trades=0,
        wins=5,
        win_rate=Decimal("0.50000000"),
        win_rate_low=Decimal("0.23659310"),
        profit_factor=None,
        net=Decimal("0E-8"),
        attempts=3,
        failures=(GateFailure(code="GATE_TRADES", required=Decimal(50), observed=Decimal(10)),),
    )


def history(seed: int, steps: int) -> list[Event]:
    """Give the events of a home opened and traded for so many hours."""
    made = History(seed)
    events = list(made.open())
    for _ in range(steps):
        events.extend(made.step())
    return events
