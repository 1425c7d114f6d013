"""One position from flat to flat: its levels, its parts, and what it came to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from tests.trading_simulator_prices import (
    distance,
    exact,
    liquidation_price,
    rounded_down,
    share_of,
    stop_distance,
)
from tests.trading_simulator_terms import Fill, Plan, Symbol, Trade

TARGETS = ("target", "target_2", "target_3")


@dataclass(frozen=True)
class Order:
    """An entry that waits for its symbol's next open."""

    side: int
    lots: int
    plan: Plan
    tag: str


@dataclass
class Position:
    """What is held of one symbol. Levels are ticks; `parts` are lots that targets close."""

    name: str
    symbol: Symbol
    side: int
    opened_with: int  # lots
    entry: int  # ticks, as filled
    reference: int  # before slippage
    opened: int  # open time of the entry's bar, ms
    edge: Decimal | None  # where the venue takes it
    tag: str
    lots: int = 0  # still held
    stop: int = 1
    trailing: bool = False  # whether the stop is where a trail put it
    trail: int | None = None
    targets: list[int | None] = field(default_factory=list)  # none: not asked for, or taken
    parts: list[int] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    bars: int = 0
    worst: int = 0  # reference prices while held
    best: int = 0
    realised: int = 0  # at fill prices
    fees: int = 0
    slippage: int = 0
    funding: int = 0

    @classmethod
    def opened_by(cls, fill: Fill, symbol: Symbol, order: Order, leverage: int) -> "Position":
        """Lay the levels of a waiting entry from its fill."""
        edge = liquidation_price(fill.price, order.side, leverage, symbol.maintenance)
        made = cls(
            name=fill.symbol,
            symbol=symbol,
            side=order.side,
            opened_with=fill.lots,
            entry=fill.price,
            reference=fill.reference,
            opened=fill.step,
            edge=edge,
            tag=order.tag,
            lots=fill.lots,
            worst=fill.reference,
            best=fill.reference,
            fees=fill.fee,
            slippage=fill.slippage,
        )
        stop = stop_distance(order.plan.stop, symbol.tick)
        assert stop is not None  # no entry is let through without one
        made.stop = made.stop_level(stop)
        shares = [share for _, share in order.plan.targets]
        made.parts = [max(1, rounded_down(fill.lots * exact(share))) for share in shares]
        made.follow(order.plan)
        return made

    def stop_level(self, ticks: int) -> int:
        return max(1, self.entry - self.side * ticks)

    def follow(self, plan: Plan) -> None:
        """Take the targets and the trail of a plan."""
        tick = self.symbol.tick
        self.trail = distance(plan.trail, tick)
        self.targets = []
        for number, (quote, _) in enumerate(plan.targets):
            ticks = None if number in self.taken else distance(quote, tick)
            self.targets.append(None if ticks is None else self.entry + self.side * ticks)

    def look_again(self, plan: Plan) -> None:
        """Take a later plan: a stop may only come nearer."""
        ticks = stop_distance(plan.stop, self.symbol.tick)
        if ticks is not None and self.nearer(self.stop_level(ticks)):
            self.stop, self.trailing = self.stop_level(ticks), False
        self.follow(plan)

    def move_trail(self) -> None:
        """Let the stop follow the best price so far, for the next bar."""
        if self.trail is None:
            return
        level = self.best - self.trail * self.side
        if self.nearer(level):
            self.stop, self.trailing = level, True

    def nearer(self, level: int) -> bool:
        return level * self.side > self.stop * self.side

    def stopped_at(self, price: int) -> bool:
        """Whether a price reaches the stop."""
        return price * self.side <= self.stop * self.side

    def taken_at(self, price: int) -> bool:
        """Whether a price reaches the liquidation price."""
        return self.edge is not None and price * self.side <= self.edge * self.side

    def stop_is_first(self) -> bool:
        """Whether the stop is at least as near as the liquidation price."""
        return self.edge is None or self.stop * self.side >= self.edge * self.side

    def passed(self, price: int) -> Iterator[tuple[str, int, int]]:
        """Intent, level and lots of each target that a price has gone through, in order."""
        last = len(self.targets) - 1
        for number, level in enumerate(list(self.targets)):
            if self.lots and level is not None and price * self.side > level * self.side:
                self.taken.add(number)
                self.targets[number] = None
                part = self.lots if number == last else min(self.parts[number], self.lots)
                yield TARGETS[number], level, part

    def goes_through_single(self, price: int) -> bool:
        """Whether the target is the only one, and a price has gone through it."""
        level = self.targets[0] if len(self.targets) == 1 else None
        return level is not None and price * self.side > level * self.side

    def see(self, price: int) -> None:
        """Count a reference price among those seen while the position was held."""
        self.worst = min(self.worst * self.side, price * self.side) * self.side
        self.best = max(self.best * self.side, price * self.side) * self.side

    def profit(self, price: int, lots: int) -> int:
        """Money that lots make when closed at a price."""
        return (price - self.entry) * self.side * lots * self.symbol.unit

    def unrealised(self, close: int) -> int:
        """What is open at a close, and what targets have realised."""
        return self.profit(close, self.lots) + self.realised

    def pay(self, opened: int, rate: float) -> int:
        """Funding at an open; what was paid."""
        paid = share_of(self.lots * self.side * opened * self.symbol.unit, rate)
        self.funding += paid
        return paid

    def close(self, fill: Fill) -> None:
        """Take off what an exit closed."""
        self.realised += self.profit(fill.price, fill.lots)
        self.fees += fill.fee
        self.slippage += fill.slippage
        self.lots -= fill.lots
        self.see(fill.reference)

    def trade(self, last: Fill) -> Trade:
        """What the whole came to, once flat."""
        money = self.opened_with * self.symbol.unit
        return Trade(
            symbol=self.name,
            opened=self.opened,
            closed=last.step,
            side=self.side,
            lots=self.opened_with,
            entry=self.entry,
            exit=last.price,
            gross=self.realised + self.slippage,
            fees=self.fees,
            slippage=self.slippage,
            funding=self.funding,
            net=self.realised - self.fees - self.funding,
            mae=(self.worst - self.reference) * self.side * money,
            mfe=(self.best - self.reference) * self.side * money,
            bars=self.bars,
            reason=last.intent,
            tag=self.tag,
        )
