"""What numba runs against a second reading of the same flat list: every double, bit for bit."""

import random
from pathlib import Path

import numpy as np
import pytest

from kernels.program import Program, compile_strategy
from tests.ir_machine import Machine
from tests.kernel_runs import STRATEGIES, Array, limits, market, program_of, runner_of, walk

COSTS = market(slippage=0.0003, maker=0.0002, taker=0.0005, perpetual=1)
SHARE, ALL = 2, 100  # random programs: compiling one takes seconds


def bits(values: object) -> Array:
    """Doubles as int64; there is one NaN."""
    found = np.array(values, np.float64).reshape(-1)
    found[np.isnan(found)] = np.nan
    return found.view(np.int64)


def assert_read_alike(program: Program, bars: Array, leverage: int, bounds: Array) -> Machine:
    runner = runner_of(program, (leverage,), COSTS, bounds)
    block = runner.run(bars, [0])
    machine = Machine(program, COSTS, bounds, leverage)
    machine.run(bars)
    assert np.array_equal(bits(block.records[0]), bits(machine.written))
    rows = list(machine.unit.rows)
    named = [rows.index(name) for name in program.series_names]
    series = np.array(machine.rows).reshape(-1, len(rows))[:, named].T
    assert np.array_equal(bits(block.series), bits(series))
    state = runner.machine.state()
    assert np.array_equal(bits(state[: len(machine.state)]), bits(machine.state))
    kept = [*machine.records["account"].values(), *machine.records["intents"].values()]
    assert np.array_equal(bits(runner.machine.kept()[0]), bits(kept))
    return machine


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


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_shipped_strategy_when_read_a_second_way_then_gives_the_same_bits(path: Path) -> None:
    machine = assert_read_alike(program_of(path), walk(4000, seed=11), 8, limits(enforced=True))
    assert len(machine.written) > 50


class Author:
    """Writes random programs that the language allows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
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

    def series(self) -> str:
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
            return f"plan(stop={stop}, target={self.number(2)}, max_bars={bars})"
        side = self.pick("long", "short")
        return self.pick("FLAT", f"{side}()", f"{side}(tag='t', confidence={self.number(1)})")

    def text(self) -> str:
        lines = [f'timeframe("{self.pick("1m", "5m")}")', "n = param(5, 2, 9)"]
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


def read_random_program(seed: int) -> int:
    program = compile_strategy(Author(seed).text(), f"random_{seed}")
    return len(assert_read_alike(program, torn(1200, seed), 8, limits(bool(seed % 2))).written)


@pytest.mark.parametrize("seed", range(SHARE))
def test_random_program_when_read_a_second_way_then_gives_the_same_bits(seed: int) -> None:
    read_random_program(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SHARE, ALL))
def test_random_program_when_read_many_more_times_then_gives_the_same_bits(seed: int) -> None:
    read_random_program(seed)
