"""A second, slow reading of `docs/trading.md`: what happens to an account, step by step.

It shares no code with the kernel and was written from the text alone, in decimal and whole numbers,
to be read beside it: the methods of `Desk` stand in the order of the text. What a strategy wants is
handed in as wishes, so no indicator is needed.
"""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext

from tests.trading_simulator_books import Books
from tests.trading_simulator_limits import Breakers, Proposal, refused
from tests.trading_simulator_positions import Order, Position
from tests.trading_simulator_prices import DIGITS, exact, grid, rounded_down, stop_distance
from tests.trading_simulator_sizing import METHODS, Sizing
from tests.trading_simulator_terms import (
    ALL_RULES,
    Account,
    Bar,
    Funded,
    Limits,
    Mark,
    Outcome,
    Plan,
    Refusal,
    Ruin,
    Rules,
    Step,
    Symbol,
    Wish,
)

MINUTE = 60_000


def simulate(
    account: Account,
    symbols: Mapping[str, Symbol],
    limits: Limits,
    steps: Iterable[Step],
    base_ms: int = MINUTE,
    rules: Rules = ALL_RULES,
) -> Outcome:
    """Take an account of 1 to 16 symbols through steps, in order; symbols trade in theirs."""
    if not 1 <= len(symbols) <= 16:
        raise ValueError(f"symbols were {len(symbols)}, must be 1 to 16")
    with localcontext(DIGITS):
        desk = Desk(account, symbols, limits, base_ms, rules)
        for step in steps:
            desk.take(step)
    return desk.outcome


class Desk(Books):
    """The account between two steps: its books, and what waits for the next open."""

    def __init__(
        self,
        account: Account,
        symbols: Mapping[str, Symbol],
        limits: Limits,
        base_ms: int,
        rules: Rules,
    ) -> None:
        super().__init__(account, symbols)
        self.limits = limits
        self.rules = rules
        self.base_ms = base_ms
        self.breakers = Breakers.of(limits, rules, account.capital)
        self.equity = self.peak = account.capital  # at the last mark
        self.drawdown = 0
        self.entries: dict[str, Order] = {}  # waiting for the next open
        self.exits: dict[str, str] = {}  # intents, likewise
        self.closes: dict[str, int] = {}  # ticks, each symbol's last
        self.sides = dict.fromkeys(symbols, 0)  # what entry() said last

    def take(self, step: Step) -> None:
        """Every phase over all symbols that have a bar, before the next."""
        self.step = step
        self.opens_at, self.closes_at = step.opens_at, step.opens_at + self.base_ms
        here = {name: step.bars[name] for name in self.symbols if name in step.bars}
        for name, bar in here.items():
            self.fund(name, bar)
        self.outcome.clears += self.breakers.begin(self.opens_at, self.equity)
        for name in here:
            self.obey(name)
        for name, bar in here.items():
            self.open(name, self.ticks(name, bar.open))
        for name, bar in here.items():
            self.within(name, self.ticks(name, bar.low), self.ticks(name, bar.high))
        for name, bar in here.items():
            self.closes[name], self.before[name] = self.ticks(name, bar.close), bar
        self.mark(here)
        for name in here:
            if name in step.wishes:
                self.decide(name, step.wishes[name])

    def ticks(self, name: str, price: float) -> int:
        return grid(price, self.symbols[name].tick)

    # 0. Funding, and the operator

    def fund(self, name: str, bar: Bar) -> None:
        held = self.positions.get(name)
        if held is None or not self.symbols[name].perpetual or bar.funding == 0:
            return
        paid = held.pay(self.ticks(name, bar.open), bar.funding)
        self.cash -= paid
        self.outcome.funded.append(Funded(self.opens_at, name, paid))

    def obey(self, name: str) -> None:
        if self.step.entries_off:
            self.entries.pop(name, None)
        if self.step.flatten and name in self.positions:
            self.exits.setdefault(name, "operator")

    # 1. Open

    def open(self, name: str, price: int) -> None:
        if name in self.positions:
            self.open_held(name, self.positions[name], price)
        self.exits.pop(name, None)
        if name in self.entries:
            self.enter(name, self.entries.pop(name), price)

    def open_held(self, name: str, held: Position, price: int) -> None:
        if held.taken_at(price):
            self.liquidate(name)
        elif held.stopped_at(price):
            self.leave(name, stop_intent(held), held.lots, price, taker=True)
        elif name in self.exits and not held.goes_through_single(price):
            self.leave(name, self.exits[name], held.lots, price, taker=True)
        else:
            for intent, _, lots in held.passed(price):
                self.leave(name, intent, lots, price, taker=False)

    # 2. Within the bar

    def within(self, name: str, low: int, high: int) -> None:
        held = self.positions.get(name)
        if held is None:
            return
        worst, best = (low, high) if held.side > 0 else (high, low)
        stopped = held.stopped_at(worst)
        if held.taken_at(worst) and not (stopped and held.stop_is_first()):
            self.liquidate(name)
        elif stopped:
            self.leave(name, stop_intent(held), held.lots, held.stop, taker=True)
        else:
            held.see(worst)
            for intent, level, lots in held.passed(best):
                self.leave(name, intent, lots, level, taker=False)
            if held.lots:
                held.see(best)

    # 3. Mark

    def mark(self, here: Iterable[str]) -> None:
        unrealised = sum(p.unrealised(self.closes[n]) for n, p in self.positions.items())
        self.equity = self.cash + unrealised
        self.peak = max(self.peak, self.equity)
        self.drawdown = max(self.drawdown, self.peak - self.equity)
        at = self.opens_at
        self.outcome.marks.append(Mark(at, self.cash, unrealised, self.peak, self.drawdown))
        self.outcome.trips += self.breakers.judge(at, self.closes_at, self.equity, self.history)
        for name in here:
            if name in self.positions:
                self.positions[name].move_trail()
        if not self.positions and self.outcome.ruin is None:
            self.judge_ruin()

    def judge_ruin(self) -> None:
        smallest = min(self.smallest_order(name) for name in self.closes)
        reach = self.account.reach
        multiple = Decimal(self.account.leverage) if reach is None else exact(reach)
        required = math.ceil(smallest / multiple)
        if self.equity < required:
            self.outcome.ruin = Ruin(self.opens_at, self.equity, required)

    def smallest_order(self, name: str) -> int:
        symbol = self.symbols[name]
        return max(symbol.min_notional, self.closes[name] * symbol.unit)

    # 4. Decide

    def decide(self, name: str, wish: Wish) -> None:
        held = self.positions.get(name)
        if held is not None:
            self.look_after(name, held, wish)
        turned = wish.side not in (0, self.sides[name])
        self.sides[name] = wish.side
        if not turned:
            return
        if held is not None and held.side != wish.side:
            self.exits.setdefault(name, "reverse")
        free = held is None or held.side != wish.side
        if free and not self.step.entries_off and self.outcome.ruin is None:
            self.propose(name, wish)

    def look_after(self, name: str, held: Position, wish: Wish) -> None:
        """The exits of an open position: its plan anew, then its time."""
        held.bars += wish.closed
        held.look_again(wish.plan)
        minutes = (self.closes_at - held.opened) // MINUTE
        if held.bars >= wish.plan.max_bars or minutes >= wish.plan.max_minutes:
            self.exits[name] = "time_limit"
        elif minutes >= wish.plan.soft_minutes and self.is_idle(name, held, wish.plan):
            self.exits[name] = "soft_time"

    def is_idle(self, name: str, held: Position, plan: Plan) -> bool:
        moved = abs(Decimal(self.closes[name]) / held.entry - 1)
        return not math.isnan(plan.soft_return) and moved < exact(plan.soft_return)

    # Entries

    def propose(self, name: str, wish: Wish) -> None:
        """Size an entry and judge it; it waits for the next open, or is refused."""
        symbol, close = self.symbols[name], self.closes[name]
        stop = stop_distance(wish.plan.stop, symbol.tick)
        lots = None if stop is None else self.size(name, stop, wish)
        held = [(n, p.lots) for n, p in self.positions.items() if n != name]
        held += [(n, o.lots) for n, o in self.entries.items()]
        proposal = Proposal(
            lots=lots,
            notional=None if lots is None else lots * close * symbol.unit,
            others=sum(n * self.closes[each] * self.symbols[each].unit for each, n in held),
            holdings=len({each for each, _ in held}),
            history=self.history,
            stop=stop,
            asked=wish.plan.stop,
            min_notional=symbol.min_notional,
            equity=self.equity,
        )
        failed = refused(proposal, self.account, self.limits, self.rules, self.breakers)
        if failed is not None:
            self.outcome.refusals.append(Refusal(self.opens_at, name, *failed))
        elif lots is not None:
            self.entries[name] = Order(wish.side, lots, wish.plan, wish.tag)

    def size(self, name: str, stop: int, wish: Wish) -> int | None:
        symbol, figure = self.symbols[name], wish.figure
        told = Sizing(
            account=self.account,
            symbol=symbol,
            limits=self.limits,
            history=self.history,
            equity=self.equity,
            close=self.closes[name],
            stop=stop * exact(symbol.tick),
            figure=None if math.isnan(figure) else exact(figure),
        )
        lots = METHODS[self.account.method](told)
        if lots is None or not wish.size > 0:
            return None
        part = exact(min(wish.size, 1.0))
        cut = self.history.cut if self.limits.enforced and self.rules.cut else 1
        return rounded_down(lots * part * cut)


def stop_intent(held: Position) -> str:
    return "trail" if held.trailing else "stop"
