"""Random programs and broken bars, for comparing one way of running a strategy with another.

A program is a pure function of its seed. Most are small, for each has to be compiled by every
backend; some say as much as a long strategy does. What the library offers is read from it, so a new
indicator is tried without a word here.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from kernels import language
from kernels.dialect import Condition
from kernels.frontend import library
from kernels.frontend.expressions import CANDLE
from kernels.sizing_methods import METHODS
from tests.kernel_runs import Array, walk

LITERALS = ("0", "-0.0", "1", "0.5", "3", "-2.5", "100")
EXTREMES = ("1e15", "-1e15", "1e-300", "2.3e-308", "5e-324", "-5e-324")
LOOKBACKS = ("n", "n + 3", "2 * n", "1", "2", "7")
FACTS = ("side", "entry_price", "bars", "return_")
FRAMES = ("1m", "5m", "15m", "1h", "4h")
# How often: how many series and depth of branches, at most.
SIZES = ((70, 3, 1), (24, 6, 2), (6, 12, 3))
CONDITIONS = sorted(
    name
    for name in library.indicators()
    if getattr(language, name).__annotations__["return"] is Condition
)
FIGURES = sorted(library.indicators() - set(CONDITIONS))


def torn(count: int, seed: int) -> Array:
    """A walk with holes, dead minutes, figures too small to be normal and a gap of days."""
    rng = np.random.default_rng(seed)
    bars = walk(count, seed, price=900.0)
    dead = rng.random(count) < 0.1
    bars["volume"][dead] = rng.choice([0.0, -0.0], count)[dead]
    bars["volume"][rng.random(count) < 0.02] = 5e-324
    bars["volume"][rng.random(count) < 0.002] = 1e300
    bars["funding"][::97] = rng.normal(0.0, 1e-4, len(bars[::97]))
    bars["funding"][rng.random(count) < 0.01] = -0.0
    flat = rng.random(count) < 0.03
    for name in ("open", "high", "low"):
        bars[name][flat] = bars["close"][flat]
    bars["timestamp"][count // 2 :] += 3 * 86_400_000 + 7 * 60_000
    for name in ("open", "high", "low", "close"):
        bars[name] = np.maximum(bars[name], 0.01)
    return bars[rng.random(count) < 0.9]


class Author:
    """Writes a random program that the language allows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        chances = [size[0] for size in SIZES]
        _, self.series, self.depth = self.random.choices(SIZES, chances)[0]
        self.above: list[str] = []  # longer timeframes, by name
        self.parts = self.maybe(0.3)
        self.sizes = self.maybe(0.4)  # whether entries ask for a share of a full trade
        self.fixed = ["n", "k", "z"]  # the same at every bar
        self.numbers = list(CANDLE)
        self.conditions: list[str] = []
        self.facts: list[str] = []  # what only the body at hand knows
        self.tests: list[str] = []
        self.sides = self.random.sample(("long", "short"), 2)  # that entry() may still answer

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def one_of(self, *makers: Callable[[], str]) -> str:
        return self.random.choice(makers)()

    # Expressions

    def leaf(self) -> str:
        roll = self.random.random()
        if roll < 0.62:
            return self.pick(*self.numbers, *self.facts)
        if roll < 0.77:
            return self.pick(*self.fixed)
        return self.pick(*(EXTREMES if roll > 0.95 else LITERALS))

    def number(self, depth: int) -> str:
        if depth <= 0:
            return self.lifted() if self.facts and self.maybe(0.05) else self.leaf()
        a, b = self.number(depth - 1), self.number(depth - 1)
        return self.pick(
            *(f"({a} {op} {b})" for op in "+-*/"),
            f"(-{a})",
            f"min({a}, {b})",
            f"max({a}, {b})",
            f"abs({a})",
            f"sqrt({a})",
            f"floor({a})",
            f"({a} if {self.condition(depth - 1)} else {b})",
        )

    def condition(self, depth: int) -> str:
        known = (*self.conditions, *self.tests)
        if known and self.maybe(0.3):
            return self.pick(*known)
        if depth <= 0:
            op = self.pick("<", "<=", ">", ">=", "==", "!=")
            return f"({self.number(0)} {op} {self.number(0)})"
        a, b = self.condition(depth - 1), self.condition(depth - 1)
        choice = f"({a} if {self.condition(0)} else {b})"
        return self.pick(f"({a} and {b})", f"({a} or {b})", f"(not {a})", choice, a)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Without the names of the body at hand: series do not know them."""
        facts, tests, self.facts, self.tests = self.facts, self.tests, [], []
        yield
        self.facts, self.tests = facts, tests

    def lifted(self) -> str:
        with self.outside():
            return self.one_of(self.figure, self.past, self.higher)

    # Series

    def figure(self) -> str:
        return self.call(self.pick(*FIGURES))

    def call(self, name: str, above: str = "") -> str:
        kinds = library.functions()[name].annotations
        return f"{name}({', '.join(self.argument(kind, above) for kind in kinds)})"

    def argument(self, kind: str, above: str) -> str:
        match kind:
            case "Bars":
                return self.pick(*LOOKBACKS)
            case "Number":
                return self.pick(*self.fixed, "0.5", "2", "-0.0")
            case "Condition":
                x = f"{self.of(above)} > {self.of(above)}" if above else self.condition(1)
            case _:
                x = self.of(above) if above else self.number(self.random.randint(0, 1))
        return x

    def of(self, above: str) -> str:
        x, y = (f"{above}.{self.pick(*CANDLE)}" for _ in "xy")
        return self.pick(x, f"({x} - {y})", f"({x} / {y})", f"{above}.atr({self.pick(*LOOKBACKS)})")

    def past(self) -> str:
        x = self.pick(*self.numbers, "(close - open)", "(high / low)")
        return f"{x}[{self.pick('0', '1', '2', '5', '61')}]"

    def higher(self) -> str:
        if not self.above:
            return self.figure()
        above = self.pick(*self.above)
        return self.pick(
            f"{above}.{self.pick(*CANDLE)}",
            f"{above}.{self.pick(*CANDLE)}[{self.random.randint(0, 3)}]",
            f"{above}.{self.call(self.pick(*FIGURES), above)}",
            f"{above}.{self.call(self.pick(*FIGURES), above)}",
            f"(1 if {above}.{self.call(self.pick(*CONDITIONS), above)} else {self.number(1)})",
            f"sma(close - {self.of(above)}, n)",
        )

    def series_value(self) -> str:
        roll = self.random.random()
        if self.above and roll < 0.3:
            return self.higher()
        if roll < 0.85:
            return self.figure()
        return self.past() if roll < 0.93 else self.number(2)

    # The file

    def head(self) -> list[str]:
        own = self.random.choices(FRAMES[:3], (6, 3, 1))[0]
        lines = [f'timeframe("{own}")', "n = param(5, 2, 9)", "k = param(0.5, 0.0, 2.0)"]
        lines.append("z = param(0.1, 0.01, 0.4)")
        if self.maybe(0.4):
            longer = FRAMES[FRAMES.index(own) + 1 :]
            for frame in self.random.sample(longer, min(len(longer), self.random.randint(1, 2))):
                self.above.append(f"h{len(self.above) + 1}")
                lines.append(f'{self.above[-1]} = higher("{frame}")')
        if self.maybe(0.5):
            lines.append(self.sizing())
        if self.maybe(0.4):
            operand = self.pick("k", "n", "(z - 0.1)", "(k - k)")
            lines.append(f"c = {self.pick('n * k', '3', '-1', 'k - n')} / {operand}")
            self.fixed.append("c")
        return lines

    def sizing(self) -> str:
        method = METHODS[self.pick(*METHODS)]
        quote = method.value == "quote"
        value = self.pick("900", "30000 * z") if quote else self.pick("z", "0.02")
        if not method.figure:
            return f'sizing("{method.name}", {value})'
        near = self.pick("2 * atr(n)", "stdev(close / close[1] - 1, 9)", "300 * z", "close / n")
        figure = near if self.maybe(0.7) else self.figure()
        return f'sizing("{method.name}", {value}, {figure})'

    def top(self) -> list[str]:
        lines = []
        for index in range(self.random.randint(1, self.series)):
            if self.maybe(0.2):
                made = self.one_of(
                    lambda: self.condition(1), lambda: self.call(self.pick(*CONDITIONS))
                )
                lines.append(f"w{index} = {made}")
                self.conditions.append(f"w{index}")
            else:
                lines.append(f"s{index} = {self.series_value()}")
                self.numbers.append(f"s{index}")
        return lines

    def body(self, indent: int, depth: int, result: str, leave: bool) -> list[str]:
        pad, lines = "    " * indent, []
        for _ in range(self.random.randint(1, 2)):
            roll = self.random.random()
            if roll < 0.15:
                lines.append(f"{pad}t = {self.condition(1)}")
            elif roll < 0.45 or depth <= 0:
                lines.append(f"{pad}{self.pick('p', 'q')} = {self.number(2)}")
            else:
                lines.append(f"{pad}if {self.condition(1)}:")
                lines += self.body(indent + 1, depth - 1, result, leave=True)
                if roll > 0.85:
                    lines.append(f"{pad}elif {self.condition(1)}:")
                    lines += self.body(indent + 1, depth - 1, result, leave=True)
                if roll > 0.7:
                    lines += [f"{pad}else:", *self.body(indent + 1, depth - 1, result, leave=False)]
        if leave and self.maybe(0.4):
            lines.append(f"{pad}return {self.answer(result)}")
        return lines

    def answer(self, result: str) -> str:
        if result == "plan":
            return self.plan()
        side, tag = self.pick(*self.sides), self.pick("t", "u_1", "below")
        return self.pick(
            "FLAT",
            side.upper(),
            f"{side}({self.size()})",
            f"{side}({self.size()}tag='{tag}')",
            f"{side}({self.size()}tag='{tag}', confidence={self.number(1)})",
        )

    def size(self) -> str:
        """The share of a full trade, in some programs; a fixed one is within its bounds."""
        if not self.sizes or self.maybe(0.3):
            return ""
        any_number = f"{self.number(1)} * close / 900"
        return f"size={self.pick('z', '0.5', '2 * z', 'k / 2', 'close / 1500', any_number)}, "

    def plan(self) -> str:
        near = self.pick("close / 10", "close / 30", "9 * n", "90 - position.bars", "4 * atr(n)")
        stop = near if self.maybe(0.8) else self.number(2)
        if self.maybe(0.2):
            return f"plan({stop})"
        bars = self.pick("5", "12 * n", "position.return_ * 1000", self.number(1))
        aim = self.pick("close / 15", "close / 40", self.number(2))
        target = f"target={aim}"
        if self.parts:
            target = self.pick(
                f"targets=((close / 90, 0.4), {aim})",
                f"targets=(({aim}, z), close / 20)",
                f"targets=((close / 99, 0.25), ({self.number(1)}, k / 2.5 + 0.1), {aim})",
            )
        return f"plan(stop={stop}, {target}, max_bars={bars}{self.others()})"

    def others(self) -> str:
        """A stop that follows, and minutes."""
        follow = self.pick("close / 50", "3 * atr(n)", "close / 9 - position.bars", self.number(1))
        minutes = self.pick("45", "9 * n", self.number(1))
        found = f", trail={follow}" if self.maybe(0.4) else ""
        found += f", max_minutes={minutes}" if self.maybe(0.2) else ""
        if self.maybe(0.2):
            found += f", soft_minutes={self.pick('7', 'n')}, soft_return={self.pick('0.01', 'k')}"
        return found

    def function(self, name: str, first: tuple[str, ...], result: str) -> list[str]:
        self.facts, self.tests = ["p", "q", *first], ["t"]
        begin = [f"def {name}():", f"    p = {self.leaf_outside()}", "    q = 1", "    t = k > 1"]
        if name == "entry" and self.maybe(0.8):
            side, self.sides = self.sides[0], self.sides[1:]
            begin += [f"    if {self.turn()}:", f"        return {side}({self.size()})"]
        inner = self.body(1, self.depth, result, leave=False)
        return [*begin, *inner, f"    return {self.answer(result)}"]

    def turn(self) -> str:
        """A condition that comes and goes, as one that is all random seldom does."""
        gap = self.pick("close - open", "close - close[3]", "volume - 9", "close - sma(close, n)")
        return f"{gap} {self.pick('<', '>')} {self.pick('0', 'k', 'p - p')}"

    def leaf_outside(self) -> str:
        with self.outside():
            return self.leaf()

    def text(self) -> str:
        """Write the program; the same each time for a fresh author of the same seed."""
        lines = [*self.head(), *self.top(), *self.function("entry", (), "side")]
        lines += self.function("exits", tuple(f"position.{fact}" for fact in FACTS), "plan")
        return "\n".join(lines) + "\n"
