"""What a name stands for while source is lowered, and what a lowering writes to."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from kernels import ir


@dataclass(frozen=True, slots=True)
class Record:
    """A named record whose fields are doubles: account, market, row …"""

    name: str
    level: int


@dataclass(frozen=True, slots=True)
class Cells:
    """A ring buffer in the series state."""

    base: int
    length: int


@dataclass(frozen=True)
class Facts:
    """A named record whose fields are known while source is lowered: uses, sizing."""

    fields: Mapping[str, "Value"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A longer timeframe: `h1.close`, `h1.rsi(14)`."""

    timeframe: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string: only tags and timeframes are strings."""

    value: str


Value = ir.Num | ir.Flag | ir.Var | ir.Field | ir.State | ir.Cell | ir.Unary | ir.Binary | ir.Select
Named = Record | Facts | Frame | Cells | Text  # what is not a number or a condition
Binding = Value | Named
Bindings = Binding | tuple[Binding, ...]


def as_binding(found: Bindings) -> Binding:
    """One binding, where several would be a fault of the library."""
    if isinstance(found, tuple):
        raise TypeError(f"{len(found)} values where one is wanted")
    return found


def as_value(bound: Binding) -> Value:
    """A number or truth value, where anything else would be a fault of the library."""
    if isinstance(bound, Named):
        raise TypeError(f"{bound!r} where a number is wanted")
    return bound


@dataclass(slots=True)
class Scope:
    """Names of one function body, and which of them have certainly been assigned."""

    names: dict[str, Binding]
    prefix: str = ""
    mutable: frozenset[str] = frozenset()  # assigned more than once, or inside a branch
    assigned: set[str] = field(default_factory=set)
    depth: int = 0  # branches and loops around the current statement


@dataclass(slots=True)
class Output:
    """What lowering produces: statements, the state's initial values, the rows they fill."""

    statements: list[ir.Stmt] = field(default_factory=list)
    initial: list[float] = field(default_factory=list)  # series state, one value per slot
    rings: dict[int, int] = field(default_factory=dict)  # first slot of a buffer -> its length
    constants: dict[str, Value] = field(default_factory=dict)  # computed once per run
    constant_names: dict[str, str] = field(default_factory=dict)  # by what they stand for
    temporaries: int = 0
    hears: bool = False  # whether the statements read the regime that was told

    def share_constants(self, other: "Output") -> None:
        """Have one table of constants with `other`: a name means the same in both."""
        self.constants, self.constant_names = other.constants, other.constant_names

    def allocate(self, length: int, initial: float) -> int:
        """Reserve `length` slots of state that start as `initial`; gives the first."""
        base = len(self.initial)
        self.initial.extend([initial] * length)
        return base

    def temporary(self, hint: str, kind: ir.Type, level: int) -> ir.Var:
        """Name a variable that nothing else uses."""
        self.temporaries += 1
        return ir.Var(f"{hint}_{self.temporaries}", kind, level)


def mutable_names(body: list[ast.stmt]) -> frozenset[str]:
    """Names that a function body assigns more than once, or inside a branch or loop."""
    seen: set[str] = set()
    changed: set[str] = set()

    def visit(statements: list[ast.stmt], nested: bool) -> None:
        for statement in statements:
            if isinstance(statement, ast.If):
                visit(statement.body, True)
                visit(statement.orelse, True)
            elif isinstance(statement, ast.For):
                visit(statement.body, True)
            else:
                for node in ast.walk(statement):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        if nested or node.id in seen:
                            changed.add(node.id)
                        seen.add(node.id)

    visit(body, False)
    return frozenset(changed)
