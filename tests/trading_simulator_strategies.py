"""Random strategies whose decisions can be read off their own series.

All that `entry()` and `exits()` use has a name in the file, so what the strategy wished at a close
is known from the row of its series at that close, without computing an indicator a second time.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.trading_simulator_terms import NAN, Plan, Wish

Row = Mapping[str, float]  # series and parameters by name, at one close
NAMES = ("far_1", "far_2", "far_3")
FIGURES = {
    "atr": "{x} * atr(14)",
    "percent_volatility": "atr(14)",
    "volatility_target": "stdev(close / close[1] - 1, 20)",
    "fixed_ratio": "{delta} + 0 * close",
}
SCALES = {  # what becomes of the figure where `hole` is 0: itself, none, without end, 0, below 0
    "{}": 6,
    "({}) * (hole / hole)": 1,
    "({}) / hole": 1,
    "({}) * hole": 1,
    "({}) * (2 * hole - 1)": 1,
}
VALUES: dict[str, tuple[float, ...]] = {
    "margin": (0.01, 0.05, 0.12, 0.8),
    "fraction": (0.05, 0.6, 2.0, 12.0),
    "notional": (100.0, 1_000.0, 7_000.0),
    "risk": (0.0005, 0.002, 0.02),
    "kelly": (0.1, 0.5),
    "kelly_half": (0.1, 0.5),
    "kelly_quarter": (0.1, 0.5),
    "atr": (0.001, 0.01),
    "percent_volatility": (0.0005, 0.004),
    "volatility_target": (0.1, 0.5),
    "equity_curve": (0.1, 0.8),
    "martingale": (0.05, 0.3),
    "anti_martingale": (0.05, 0.3),
    "fixed_ratio": (100.0, 1_000.0),
    "williams": (0.001, 0.01),
    "optimal_f": (0.02, 0.1),
}


@dataclass(frozen=True)
class Features:
    """What of the language and the market the kernel knows, and so may be asked for."""

    trail: bool
    minutes: bool  # max_minutes
    soft: bool  # soft_minutes, soft_return
    dynamic: bool  # slippage
    methods: tuple[str, ...]  # of sizing


@dataclass(frozen=True)
class Term:
    """A number of the plan: a series, which may be none, or without end, where `hole` is 0."""

    name: str
    holed: str = ""  # "nan", "inf", or neither

    @property
    def text(self) -> str:
        """As the file says it."""
        forms = {"nan": "{} * (hole / hole)", "inf": "{} / hole"}
        return forms.get(self.holed, "{}").format(self.name)

    def value(self, row: Row) -> float:
        """What it is at a close."""
        there = not self.holed or row["hole"] != 0.0
        return row[self.name] if there else row[self.name] * float(self.holed)


@dataclass(frozen=True)
class Script:
    """A strategy's text and how to read its wishes."""

    text: str
    timeframe: str
    method: str
    value: float
    terms: Mapping[str, Term]  # of the plan, by argument
    targets: tuple[tuple[Term, float], ...]
    sided: tuple[bool, bool]  # whether it goes long, and short
    size: Term | None  # share of a full trade

    def wish(self, row: Row, closed: int) -> Wish:
        """Read what was wanted at a close; `row` holds its series and the run's parameters."""
        warm = all(value == value for value in row.values())
        side = int(row["go"]) if warm else 0
        side = side if side == 0 or self.sided[side < 0] else 0
        terms = {name: term.value(row) for name, term in self.terms.items()}
        targets = tuple((term.value(row), share) for term, share in self.targets)
        tag = {1: "up", -1: "down", 0: ""}[side]
        figure = row.get("scale", NAN)
        plan = Plan(targets=targets, **terms)
        size = 1.0 if self.size is None else self.size.value(row)
        return Wish(side, plan, row["sure"], tag, figure, size, closed)


class Author:
    """Writes the strategy of a seed."""

    def __init__(self, seed: int, timeframe: str, features: Features) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.timeframe = timeframe
        self.features = features
        self.lines = [f'timeframe("{timeframe}")', "z = param(1.0, 0.5, 2.0)"]
        self.lines.append("n = param(7, 2, 20)")
        self.terms: dict[str, Term] = {}

    def script(self) -> Script:
        """Write it; the same each time for a fresh author of the same seed."""
        self.signal()
        targets = self.plan()
        method, value = self.sizing()
        sided = self.random.choices([(True, True), (True, False), (False, True)], (8, 1, 1))[0]
        size = self.size()
        self.bodies(targets, sided, size)
        text = "\n".join(self.lines) + "\n"
        return Script(text, self.timeframe, method, value, self.terms, targets, sided, size)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def between(self, low: float, high: float) -> str:
        return f"{self.random.uniform(low, high):.3g}"

    def series(self, name: str, text: str) -> None:
        self.lines.append(f"{name} = {text}")

    def signal(self) -> None:
        """What turns: momentum of closes beyond an edge."""
        fast, slow = self.random.randint(1, 6), self.random.randint(8, 40)
        push, edge = self.random.choice(
            [
                (f"close - close[{fast}]", f"z * {self.between(0.1, 1.5)} * atr(n)"),
                (f"close - ema(close, {slow})", f"z * {self.between(0.1, 2)} * atr(n)"),
                (
                    f"sma(close, {fast}) - sma(close, {slow})",
                    f"z * {self.between(0, 0.6)} * atr(n)",
                ),
                (f"rsi({fast + 2}) - 50", f"{self.between(5, 25)} + 0 * close"),
            ]
        )
        self.series("push", push)
        self.series("edge", edge)
        against = "-1 if push > edge else (1 if push < -edge else 0)"
        along = "1 if push > edge else (-1 if push < -edge else 0)"
        self.series("go", self.random.choice([along, against]))
        self.series("sure", "min(abs(push) / (abs(push) + atr(n)), 1)")
        self.series("hole", "1 if volume > 0.4 * sma(volume, 20) else 0")

    def plan(self) -> tuple[tuple[Term, float], ...]:
        """Distances and times; wide and tight ones, some that are none now and then."""
        near = self.random.choices(
            [
                f"z * {self.between(0.5, 6)} * atr(n)",
                f"close * {self.between(0.0005, 0.02)}",
                "close * 0.2",
                f"{self.between(1, 3)} * atr(n) - close * {self.between(0.0003, 0.001)}",
            ],
            (6, 3, 3, 1),
        )[0]
        self.series("near", near)
        self.terms["stop"] = Term("near", self.holed(0.15))
        self.optional("max_bars", "hold", f"{self.random.randint(1, 60)} + floor(rsi(7) / 9)", 0.6)
        if self.features.trail:
            self.optional("trail", "give", f"{self.between(0.5, 5)} * atr(n)", 0.4)
        if self.features.minutes:
            minutes = self.random.randint(1, 600)
            self.optional("max_minutes", "wait", f"{minutes} + rsi(7)", 0.3)
        if self.features.soft and self.maybe(0.4):
            self.optional("soft_minutes", "rest", f"{self.random.randint(1, 200)} + rsi(7)", 1)
            self.optional("soft_return", "still", f"{self.between(0.0003, 0.005)} + 0 * close", 1)
        return self.targets()

    def optional(self, argument: str, name: str, text: str, chance: float) -> None:
        if self.maybe(chance):
            self.series(name, text)
            self.terms[argument] = Term(name, self.holed(0.2))

    def holed(self, chance: float) -> str:
        return self.random.choice(["nan", "inf"]) if self.maybe(chance) else ""

    def targets(self) -> tuple[tuple[Term, float], ...]:
        count = self.random.choices([0, 1, 2, 3], (2, 4, 2, 3))[0]
        shares = self.random.choice([(0.5, 0.25), (0.333, 0.333), (0.1, 0.85), (0.01, 0.02)])
        found: list[tuple[Term, float]] = []
        for name, share in zip(NAMES[:count], (*shares, 1.0), strict=False):
            width = self.random.uniform(0.2, 2) * (len(found) + 1)
            forms = ["{} * atr(n)", "close * 0.001 * {}", "{} * atr(n) - close * 0.0005"]
            form = self.random.choices(forms, (5, 5, 1))[0]
            self.series(name, form.format(f"{width:.3g}"))
            term = Term(name, self.holed(0.15))
            found.append((term, 1.0 if name == NAMES[count - 1] else share))
        return tuple(found)

    def sizing(self) -> tuple[str, float]:
        method = self.random.choice(self.features.methods)
        values = VALUES[method]
        value = self.random.choices(values, [len(values) - n for n in range(len(values))])[0]
        if method not in FIGURES:
            self.lines.append(f'sizing("{method}", {value})')
            return method, value
        delta, x = self.random.choice([20, 300]), self.between(0.5, 3)
        figure = FIGURES[method].format(delta=delta, x=x)
        form = self.random.choices(list(SCALES), list(SCALES.values()))[0]
        self.series("scale", form.format(figure))
        self.lines.append(f'sizing("{method}", {value}, scale)')
        return method, value

    def size(self) -> Term | None:
        """The share of a full trade; above 1, below 0 and none now and then."""
        if not self.maybe(0.4):
            return None
        wild = f"(rsi({self.random.randint(3, 9)}) - 20) / 60"
        self.series("part", self.random.choice([f"z * {self.between(0.1, 0.9)} * sure", wild]))
        return Term("part", self.holed(0.15))

    def bodies(
        self,
        targets: tuple[tuple[Term, float], ...],
        sided: tuple[bool, bool],
        size: Term | None,
    ) -> None:
        told = "confidence=sure" + (f", size={size.text}" if size else "")
        answers = (f'long(tag="up", {told})', f'short(tag="down", {told})')
        self.lines.append("def entry():")
        for sign, answer, goes in zip("><", answers, sided, strict=True):
            if goes:
                self.lines += [f"    if go {sign} 0:", f"        return {answer}"]
        self.lines += ["    return FLAT", "def exits():"]
        arguments = [f"{name}={term.text}" for name, term in self.terms.items()]
        if len(targets) == 1:
            arguments.append(f"target={targets[0][0].text}")
        elif targets:
            parts = [f"({term.text}, {share})" for term, share in targets[:-1]]
            arguments.append(f"targets=({', '.join([*parts, targets[-1][0].text])})")
        self.lines.append(f"    return plan({', '.join(arguments)})")
