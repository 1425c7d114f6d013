"""A second reading of the flat list: plain Python, sharing nothing with the printers.

It walks the statements one at a time on Python floats. Where Python raises and IEEE does not (a
division by zero, the root or floor of what has none), numpy's scalars say what IEEE says.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from kernels import dtypes, ir
from kernels.frontend.flat import TIMEFRAMES
from kernels.program import Program
from kernels.stages import whole
from tests.kernel_runs import CAPITAL, MINUTE, Array
from tests.told_runs import Row, holding

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
BAR_FIELDS = ("timestamp", "open", "high", "low", "close", "volume", "funding")
CANDLE_FIELDS = ("open", "high", "low", "close", "volume")
HOUR = 3_600_000


def divided(left: float, right: float) -> float:
    try:
        return left / right
    except ZeroDivisionError:
        with np.errstate(all="ignore"):
            return float(np.float64(left) / np.float64(right))


def one_operand(op: str, x: Any) -> Any:
    if op == "-":
        return -x
    if op == "not":
        return not x
    if op == "abs":
        return abs(x)
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.float64(x)) if op == "sqrt" else np.floor(np.float64(x)))


class Frame:
    """The candle of one timeframe, while it is built and after it closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.length = TIMEFRAMES[name] * MINUTE
        self.opened = -1
        self.candle: dict[str, float] = {}
        self.waiting: list[dict[str, float]] = []
        self.seen = dict.fromkeys(CANDLE_FIELDS, math.nan)

    def add(self, opened: int, bar: dict[str, float]) -> None:
        if not self.candle:
            self.opened = opened // self.length
            self.candle = {name: bar[name] for name in CANDLE_FIELDS} | {"volume": 0.0}
        candle = self.candle
        candle["high"] = max(candle["high"], bar["high"])
        candle["low"] = min(candle["low"], bar["low"])
        candle["close"] = bar["close"]
        candle["volume"] += bar["volume"]


class Machine:
    """One account of one program, taken bar by bar."""

    def __init__(
        self,
        program: Program,
        market: Array,
        limits: Array,
        leverage: float = 1.0,
        parameters: Mapping[str, float] | None = None,
    ) -> None:
        self.flat = program.flat
        self.unit = whole(program.flat).shared[0]
        self.state = list(self.unit.initial)
        self.variables: dict[str, Any] = {}
        self.written: list[list[float]] = []
        self.bar = 0
        self.begun: dict[str, datetime] = {}
        self.told: dict[str, int] = {}
        self.said: Sequence[Row] = ()  # of the regime, from outside
        self.frames = [Frame(name) for name in (self.flat.timeframe, *self.flat.higher)]
        self.records: dict[str, dict[str, float]] = {
            "param": {p.name: p.default for p in program.parameters} | dict(parameters or {}),
            "intents": dict.fromkeys(dtypes.PENDING.names or (), 0.0),
            "market": {n: float(market[n][0]) for n in dtypes.MARKET.names or ()},
            "limits": {n: float(limits[n][0]) for n in dtypes.LIMITS.names or ()},
            "control": {"entries_off": 0.0, "flatten": 0.0},
            "candle": {},
            "row": {},
        }
        self.records["const"] = fixed = {}
        for name, expr in self.flat.series.constants.items():
            fixed[name] = self.value(expr)
        account = dict.fromkeys(dtypes.ACCOUNT.names or (), 0.0)
        held = dict.fromkeys(dtypes.HELD.names or (), 0.0)
        held |= dict.fromkeys(dtypes.LEVELS, math.nan)
        account |= dict.fromkeys(dtypes.CAPITAL, CAPITAL)
        account |= {"leverage": leverage, "reach": self.reach(leverage)}
        self.records |= {"account": account, "held": held}
        self.before: dict[str, float] = {}  # the last bar, on the grid
        self.rows: list[list[float]] = []

    def reach(self, leverage: float) -> float:
        method, value = self.flat.sizing
        share = self.value(value)
        reaches = {
            "margin": share * leverage,
            "fraction": share,
            "equity_curve": share,
            "martingale": 8.0 * share,
            "anti_martingale": 8.0 * share,
            "kelly": max(share, 1.0),
            "kelly_half": max(share, 0.5),
            "kelly_quarter": max(share, 0.25),
        }
        return float(reaches.get(dtypes.SIZING[method], leverage))

    def run(self, bars: Array) -> None:
        """Take bars in order; what they gave is in `written`, `rows`, `state` and `records`."""
        for bar in bars:
            raw = {name: float(bar[name]) for name in BAR_FIELDS}
            opened = int(bar["timestamp"])
            closed = self.candles(opened, raw)
            self.records["bar"] = self.tape(opened, raw, closed)
            self.execute(self.flat.simulate.statements)
            if closed:
                self.execute(self.flat.decide.statements)
            self.bar += 1

    def tape(self, opened: int, raw: dict[str, float], closed: int) -> dict[str, float]:
        tick, ends = self.records["market"]["tick"], opened + MINUTE
        prices = {
            n: float(math.floor(raw[n] / tick + 0.5)) for n in ("open", "high", "low", "close")
        }
        found: dict[str, float] = prices | {"volume": raw["volume"], "funding": raw["funding"]}
        found |= self.calendar(opened, ends) | self.stirred(tick)
        found |= {"timestamp": float(opened), "closes_at": float(ends), "closed": float(closed)}
        self.before = prices | {"volume": raw["volume"]}
        return found | {"index": float(len(self.rows) - 1)}

    def calendar(self, opened: int, ends: int) -> dict[str, float]:
        """Which periods begin with a bar that opens then, and when those at hand end."""
        now = datetime.fromtimestamp(opened / 1000, UTC)
        today = datetime(now.year, now.month, now.day, tzinfo=UTC)
        week = today - timedelta(days=now.weekday())
        month = today.replace(day=1)
        begun = {"day": today, "week": week, "month": month}
        after = (month + timedelta(days=32)).replace(day=1)
        over = {"day": today + timedelta(days=1), "week": week + timedelta(days=7), "month": after}
        found = {f"{name}_ends": moment.timestamp() * 1000.0 for name, moment in over.items()}
        found |= {f"new_{name}": float(self.begun.get(name) != at) for name, at in begun.items()}
        first = not self.begun
        self.begun = begun
        for name, length in (("mark_due", HOUR), ("five", 5 * MINUTE)):
            last = opened // length if first else self.told[name]
            found[name] = float(ends // length > last)
            self.told[name] = ends // length
        return found

    def stirred(self, tick: float) -> dict[str, float]:
        """What dynamic slippage looks at: the bar before."""
        if not self.before:
            return {"turnover": 0.0, "range": 0.0}
        close = self.before["close"]
        spread = (self.before["high"] - self.before["low"]) / close if close else 0.0
        return {"turnover": self.before["volume"] * (close * tick) * 1e8, "range": spread}

    def candles(self, opened: int, raw: dict[str, float]) -> int:
        """Close what the bar leaves behind, add it, close what it completes; longer ones first."""
        closed = 0
        for frame in reversed(self.frames):
            if frame.candle and frame.opened != opened // frame.length:
                closed += self.close(frame)
        for frame in self.frames:
            frame.add(opened, raw)
        for frame in reversed(self.frames):
            if opened + MINUTE >= (frame.opened + 1) * frame.length:
                closed += self.close(frame)
        return closed

    def close(self, frame: "Frame") -> int:
        candle, frame.candle = frame.candle, {}
        if frame is not self.frames[0]:
            frame.waiting.append(candle)
            return 0
        for above in self.frames[1:]:
            fresh = float(bool(above.waiting))
            if above.waiting:
                above.seen = above.waiting.pop(0)
            candle[f"fresh@{above.name}"] = fresh
            candle |= {f"{name}@{above.name}": above.seen[name] for name in CANDLE_FIELDS}
        if self.flat.hears:
            candle["said"] = holding(self.said, (frame.opened + 1) * frame.length)
        self.records["candle"] = candle
        self.execute(self.unit.statements)
        row = {name: float(self.value(expr)) for name, expr in self.unit.rows.items()}
        self.records["row"] = row
        self.rows.append(list(row.values()))
        return 1

    def execute(self, statements: Sequence[ir.Stmt]) -> None:
        self.variables.clear()
        self.block(statements)

    def block(self, statements: Sequence[ir.Stmt]) -> None:
        for statement in statements:
            match statement:
                case ir.Set(target=target, value=value):
                    self.put(target, self.value(value))
                case ir.If(test=test, body=body, orelse=orelse):
                    self.block(body if self.value(test) else orelse)
                case ir.Loop(var=var, count=count, body=body):
                    for index in range(int(self.value(count))):
                        self.variables[var.name] = float(index)
                        self.block(body)
                case ir.Emit(kind=kind, at_close=at_close, values=values):
                    row = [kind, self.bar, at_close, *map(self.value, values)]
                    self.written.append([*row, *[0.0] * (dtypes.RECORD_WIDTH - len(row))])

    def put(self, target: ir.Target, value: Any) -> None:
        match target:
            case ir.Var(name=name):
                self.variables[name] = value
            case ir.Field(record=record, name=name):
                self.records[record][name] = value
            case ir.State(slot=slot):
                self.state[slot] = value
            case ir.Cell(base=ir.Field() as first, index=index):
                self.records[first.record][self.field(first, index)] = value
            case ir.Cell(base=int() as base, index=index):
                self.state[base + int(self.value(index))] = value

    def field(self, first: ir.Field, index: ir.Expr) -> str:
        """The name of the field so many after the first of a ring."""
        names = list(self.records[first.record])
        return names[names.index(first.name) + int(self.value(index))]

    def value(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Binary(op="and", left=left, right=right):
                return self.value(left) and self.value(right)
            case ir.Binary(op="or", left=left, right=right):
                return self.value(left) or self.value(right)
            case ir.Binary(op="/", left=left, right=right):
                return divided(self.value(left), self.value(right))
            case ir.Binary(op=op, left=left, right=right):
                return OPERATORS[op](self.value(left), self.value(right))
            case ir.Select(test=test, then=then, other=other):
                return self.value(then if self.value(test) else other)
            case ir.Unary(op=op, operand=operand):
                return one_operand(op, self.value(operand))
            case _:
                return self.leaf(expr)

    def leaf(self, expr: ir.Num | ir.Flag | ir.Var | ir.Field | ir.State | ir.Cell) -> Any:
        match expr:
            case ir.Num(value=value) | ir.Flag(value=value):
                return value
            case ir.Var(name=name):
                return self.variables[name]
            case ir.Field(record=record, name=name):
                return self.records[record][name]
            case ir.State(slot=slot):
                return self.state[slot]
            case ir.Cell(base=ir.Field() as first, index=index):
                return self.records[first.record][self.field(first, index)]
            case ir.Cell(base=int() as base, index=index):
                return self.state[base + int(self.value(index))]
