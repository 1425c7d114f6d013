"""Random programs and broken bars, for comparing one way of running a strategy with another."""

import random

import numpy as np

from tests.kernel_runs import Array, walk


def torn(count: int, seed: int) -> Array:
    """A walk with holes, dead minutes, denormal volumes and a gap of days."""
    rng = np.random.default_rng(seed)
    bars = walk(count, seed, price=900.0)
    bars["volume"][rng.random(count) < 0.1] = 0.0
    bars["volume"][rng.random(count) < 0.02] = 5e-324
    bars["funding"][::97] = rng.normal(0.0, 1e-4, len(bars[::97]))
    bars["timestamp"][count // 2 :] += 3 * 86_400_000 + 7 * 60_000
    for name in ("open", "high", "low", "close"):
        bars[name] = np.maximum(bars[name], 0.01)
    return bars[rng.random(count) < 0.9]


class Author:
    """Writes random programs that the language allows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.higher = self.random.random() < 0.5
        self.parts = self.random.random() < 0.3
        self.names = ["open", "high", "low", "close", "volume", "n", "k"]

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def literal(self) -> str:
        return self.pick("0", "-0.0", "1", "0.5", "3", "1e15", "1e-300", "5e-324", "-2.5", "100")

    def number(self, depth: int) -> str:
        if depth <= 0:
            return self.random.choice(self.names) if self.random.random() < 0.7 else self.literal()
        a, b = self.number(depth - 1), self.number(depth - 1)
        return self.pick(
            f"({a} + {b})",
            f"({a} - {b})",
            f"({a} * {b})",
            f"({a} / {b})",
            f"(-{a})",
            f"min({a}, {b})",
            f"max({a}, {b})",
            f"abs({a})",
            f"sqrt({a})",
            f"floor({a})",
            f"({a} if {self.condition(depth - 1)} else {b})",
        )

    def condition(self, depth: int) -> str:
        if depth <= 0:
            op = self.pick("<", "<=", ">", ">=", "==", "!=")
            return f"({self.number(0)} {op} {self.number(0)})"
        a, b = self.condition(depth - 1), self.condition(depth - 1)
        return self.pick(f"({a} and {b})", f"({a} or {b})", f"(not {a})", self.condition(0))

    def above(self) -> str:
        h, n = self.pick("h1", "h2"), self.pick("n", "2", "3")
        x = f"{h}.{self.pick('open', 'high', 'low', 'close', 'volume')}"
        return self.pick(
            x,
            f"{x}[{self.random.randint(0, 3)}]",
            *(f"{f}({x}, {n})" for f in ("sma", "ema", "highest", "stdev")),
            f"{h}.atr({n})",
            f"{h}.rsi({n})",
            f"value_when({x} > h1.open, {x})",
            f"(1 if crossed_above({x}, h1.open) else {self.number(1)})",
            f"sma(close - {x}, {n})",
        )

    def series(self) -> str:
        if self.higher and self.random.random() < 0.3:
            return self.above()
        x, n = self.number(1), self.pick("n", "1", "7", "n + 3")
        condition = self.condition(1)
        return self.pick(
            *(f"{f}({x}, {n})" for f in ("sma", "ema", "rma", "wma", "stdev", "roc")),
            *(f"{f}({x}, {n})" for f in ("highest", "lowest")),
            *(f"{f}({x}, {n}, k)" for f in ("bollinger_upper", "bollinger_lower")),
            *(f"{f}({n})" for f in ("vwap", "atr", "rsi")),
            "macd_histogram(3, n, 4)",
            "true_range()",
            f"bars_since({condition})",
            f"value_when({condition}, {x})",
            f"({self.pick('close', 'volume')})[{self.random.randint(0, 5)}]",
            f"(1 if crossed_above({x}, close) else {self.number(2)})",
        )

    def body(self, indent: int, depth: int, result: str, leave: bool) -> list[str]:
        pad, lines = "    " * indent, []
        for _ in range(self.random.randint(1, 3)):
            roll = self.random.random()
            if roll < 0.4 or depth <= 0:
                lines.append(f"{pad}{self.pick('p', 'q')} = {self.number(2)}")
            else:
                lines.append(f"{pad}if {self.condition(1)}:")
                lines += self.body(indent + 1, depth - 1, result, leave=True)
                if roll > 0.7:
                    lines += [f"{pad}else:", *self.body(indent + 1, depth - 1, result, leave=False)]
        if leave and self.random.random() < 0.3:
            lines.append(f"{pad}return {self.answer(result)}")
        return lines

    def answer(self, result: str) -> str:
        if result == "plan":
            stop = self.pick(self.number(2), "close / 100", "atr(n)", "3 - position.bars")
            bars = self.pick(self.number(1), "5", "position.return_ * 1000")
            target = f"target={self.number(2)}"
            if self.parts:
                last = self.pick("close / 50", self.number(1))
                target = self.pick(
                    f"targets=((close / 300, 0.4), {last})",
                    f"targets=((close / 400, 0.25), ({self.number(1)}, k / 2.5 + 0.1), {last})",
                )
            return f"plan(stop={stop}, {target}, max_bars={bars})"
        side = self.pick("long", "short")
        return self.pick("FLAT", f"{side}()", f"{side}(tag='t', confidence={self.number(1)})")

    def text(self) -> str:
        lines = [f'timeframe("{self.pick("1m", "5m")}")', "n = param(5, 2, 9)"]
        if self.higher:
            lines += ['h1 = higher("15m")', 'h2 = higher("1h")']
        if self.random.random() < 0.5:
            method = self.pick("margin", "fraction", "notional", "risk")
            value = "900" if method == "notional" else self.pick("0.1", "0.02")
            lines.append(f'sizing("{method}", {value})')
        lines.append("k = param(0.5, 0.0, 2.0)")
        for index in range(5):
            lines.append(f"s{index} = {self.series()}")
            self.names.append(f"s{index}")
        lines += ["def entry():", "    p = close", "    q = 1"]
        self.names += ["p", "q"]
        lines += [*self.body(1, 3, "side", leave=False), f"    return {self.answer('side')}"]
        lines += ["def exits():", "    p = position.side", "    q = position.entry_price"]
        lines += [*self.body(1, 3, "plan", leave=False), f"    return {self.answer('plan')}"]
        return "\n".join(lines) + "\n"
