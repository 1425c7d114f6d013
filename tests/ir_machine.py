"""A second reading of the flat list: plain Python, sharing nothing with the printers.

It walks the statements one at a time on Python floats. Where Python raises and IEEE does not (a
division by zero, the root or floor of what has none), numpy's scalars say what IEEE says.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kernels import dtypes, ir
from kernels.frontend.scope import Output
from kernels.program import Program
from tests.kernel_runs import CAPITAL, MINUTE, Array

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
        self.length = program.timeframe_ms
        self.state = list(self.flat.series.initial)
        self.variables: dict[str, Any] = {}
        self.written: list[list[float]] = []
        self.bar = 0
        self.open_bucket: int | None = None
        account = dict.fromkeys(dtypes.ACCOUNT.names or (), 0.0)
        account |= {"leverage": leverage, "stop": math.nan, "target": math.nan}
        account |= dict.fromkeys(("cash", "equity", "peak"), CAPITAL)
        self.records: dict[str, dict[str, float]] = {
            "param": {p.name: p.default for p in program.parameters} | dict(parameters or {}),
            "account": account,
            "intents": dict.fromkeys(dtypes.PENDING.names or (), 0.0),
            "market": {n: float(market[n][0]) for n in dtypes.MARKET.names or ()},
            "limits": {n: float(limits[n][0]) for n in dtypes.LIMITS.names or ()},
            "control": {"entries_off": 0.0, "flatten": 0.0},
            "clock": {"base_ms": float(MINUTE), "closed": 0.0, "index": -1.0},
            "candle": {},
            "row": {},
        }
        outputs = (self.flat.series, self.flat.decide, self.flat.simulate)
        self.constants = {id(output): self.fixed(output) for output in outputs}
        self.rows: list[list[float]] = []

    def fixed(self, output: Output) -> dict[str, float]:
        found: dict[str, float] = {}
        self.records["const"] = found
        for name, expr in output.constants.items():
            found[name] = self.value(expr)
        return found

    def run(self, bars: Array) -> None:
        """Take bars in order; what they gave is in `written`, `rows`, `state` and `records`."""
        for bar in bars:
            self.records["bar"] = {name: float(bar[name]) for name in BAR_FIELDS}
            self.execute(self.flat.simulate)
            closed = self.candles(int(bar["timestamp"]))
            if closed:
                clock = self.records["clock"]
                clock["closed"] = float(closed)
                clock["index"] = float(len(self.rows) - 1)
                self.execute(self.flat.decide)
            self.bar += 1

    def candles(self, opened: int) -> int:
        bucket, closed, bar = opened // self.length, 0, self.records["bar"]
        if self.open_bucket is not None and self.open_bucket != bucket:
            closed += self.close_candle()
        candle = self.records["candle"]
        if self.open_bucket is None:
            candle.update({name: bar[name] for name in CANDLE_FIELDS}, volume=0.0)
            self.open_bucket = bucket
        candle["high"] = max(candle["high"], bar["high"])
        candle["low"] = min(candle["low"], bar["low"])
        candle["close"] = bar["close"]
        candle["volume"] += bar["volume"]
        if opened + MINUTE >= (bucket + 1) * self.length:
            closed += self.close_candle()
        return closed

    def close_candle(self) -> int:
        self.execute(self.flat.series)
        row = {name: float(self.value(expr)) for name, expr in self.flat.rows.items()}
        self.records["row"] = row
        self.rows.append(list(row.values()))
        self.open_bucket = None
        return 1

    def execute(self, output: Output) -> None:
        self.records["const"] = self.constants[id(output)]
        self.variables.clear()
        self.block(output.statements)

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
            case ir.Cell(base=base, index=index):
                self.state[base + int(self.value(index))] = value

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
            case ir.Cell(base=base, index=index):
                return self.state[base + int(self.value(index))]
