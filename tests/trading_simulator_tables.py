"""Small hand-drawn runs of the slow simulator.

One lot of `COIN` is one coin and one tick is one quote, so a price is a number of ticks and money
is quote · 1e8. A strategy bar closes only where a wish is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.trading_simulator import MINUTE, simulate
from tests.trading_simulator_terms import (
    NAN,
    QUOTE,
    Account,
    Bar,
    Limits,
    Outcome,
    Plan,
    Step,
    Symbol,
    Trade,
    Wish,
)

START = 1_704_067_200_000  # Monday, 2024-01-01 00:00 UTC
DAY = 1440 * MINUTE
A = "A"
COIN = Symbol(tick=1.0, lot=1.0, min_notional=QUOTE, maintenance=0.0)
RICH = Account(capital=100_000 * QUOTE, leverage=2, method="notional", value=1000.0)
OFF = Limits(enforced=False)
Rows = Sequence[tuple[float, ...]]  # open, high, low, close[, volume[, funding]]


def long(stop: float, *targets: tuple[float, float], figure: float = NAN, **plan: float) -> Wish:
    """Ask for a long."""
    return Wish(1, Plan(stop, targets, **plan), figure=figure)


def short(stop: float, *targets: tuple[float, float], figure: float = NAN, **plan: float) -> Wish:
    """Ask for a short."""
    return Wish(-1, Plan(stop, targets, **plan), figure=figure)


def flat(stop: float = NAN, *targets: tuple[float, float], **plan: float) -> Wish:
    """Ask for nothing; the plan is for what is held."""
    return Wish(0, Plan(stop, targets, **plan))


def still(count: int, price: float = 100.0) -> list[tuple[float, ...]]:
    """Bars in which nothing moves."""
    return [(price,) * 4] * count


def bar(row: tuple[float, ...]) -> Bar:
    """A row as a bar."""
    return Bar(*row)


def play(
    rows: Rows,
    wishes: Mapping[int, Wish],
    *,
    symbol: Symbol = COIN,
    account: Account = RICH,
    limits: Limits = OFF,
    off: Sequence[int] = (),
    flatten: Sequence[int] = (),
    times: Mapping[int, int] | None = None,
    base_ms: int = MINUTE,
    **changes: float,
) -> Outcome:
    """Trade rows, one base bar each; `times` moves the bars from an index on, ms after `START`.

    `changes` are of the symbol.
    """
    found, at = [], START
    for index, row in enumerate(rows):
        at = START + times[index] if times and index in times else at
        named = {A: wishes[index]} if index in wishes else {}
        found.append(Step(at, {A: bar(row)}, named, index in off, index in flatten))
        at += base_ms
    costs = replace(symbol, **changes)  # type: ignore[arg-type]
    return simulate(account, {A: costs}, limits, found, base_ms)


def only(outcome: Outcome) -> Trade:
    """The one trade of a run."""
    (trade,) = outcome.trades
    return trade


def told(outcome: Outcome) -> list[tuple[str, int, int]]:
    """Intent, lots and price of each fill."""
    return [(fill.intent, fill.lots, fill.price) for fill in outcome.fills]


def trips(outcome: Outcome) -> list[tuple[int, str, int]]:
    """Minute of the step, code and minute until which it holds, from the start."""
    return [
        ((t.step - START) // MINUTE, t.code, (t.until - START) // MINUTE) for t in outcome.trips
    ]


def codes(outcome: Outcome) -> list[str]:
    """Why entries were refused."""
    return [refusal.code for refusal in outcome.refusals]
