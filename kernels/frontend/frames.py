"""Series of longer timeframes: which a value is of, and how they are held between their closes.

What is made of one longer timeframe's series alone runs only where one of its bars has closed; what
mixes timeframes runs at every bar of the strategy.
"""

import ast
from abc import abstractmethod
from collections.abc import Sequence

from kernels import ir
from kernels.frontend import library
from kernels.frontend.expressions import Expressions
from kernels.frontend.scope import Binding, Bindings, Named, Value, as_binding, as_value
from kernels.frontend.source import refused, spelled

NAN = float("nan")


class Frames(Expressions):
    """Expressions over more than one timeframe."""

    @abstractmethod
    def inline(
        self, function: library.Function, values: Sequence[Binding], node: ast.AST
    ) -> Bindings: ...

    def frame_of(self, values: Sequence[Binding]) -> str | None:
        """The one longer timeframe that values are series of; None for the strategy's own."""
        found = {
            frame
            for value in values
            if not isinstance(value, Named)
            for frame in self.frames_in(value)
        }
        return found.pop() or None if len(found) == 1 else None

    def frames_in(self, value: Value) -> set[str]:
        """Timeframes of the parts of a value, "" for the strategy's own."""
        found = {self.frame_names.get(var.name, "") for var in ir.leaves(value, ir.Var)}
        for field in ir.leaves(value, ir.Field):
            if field.record == "candle":
                found.add(field.name.partition("@")[2])
        return found

    def inline_above(
        self, frame: str, function: library.Function, values: Sequence[Binding], node: ast.AST
    ) -> Bindings:
        """Write a function where it runs only when a longer bar has closed, and hold its result."""
        if self.nested:
            raise refused(node, "a series of a longer timeframe in a branch", "it outside")
        bound = [self.settled(v, name) for v, name in zip(values, function.arguments, strict=True)]
        key = (f"held {frame}", function.name, repr(bound))
        if key in self.shared:
            return self.shared[key]
        outer, self.output.statements = self.output.statements, []
        self.frame = frame
        result = as_value(as_binding(self.inline(function, bound, node)))
        self.frame = ""
        held = ir.State(self.output.allocate(1, NAN))
        boolean = ir.type_of(result) == "bool"
        kept = ir.Select(result, ir.Num(1.0), ir.Num(0.0)) if boolean else result
        inner = (*self.output.statements, ir.Set(held, kept))
        self.output.statements = outer
        fresh = ir.Binary("!=", ir.Field("candle", f"fresh@{frame}", ir.SERIES), ir.Num(0.0))
        self.output.statements.append(ir.If(fresh, inner, ()))
        seen = ir.Binary("==", held, ir.Num(1.0)) if boolean else held
        var = self.output.temporary(f"v_{function.name}", ir.type_of(result), ir.SERIES)
        self.output.statements.append(ir.Set(var, seen))
        self.frame_names[var.name] = frame
        self.shared[key] = var
        return var

    def refuse_other_frames(self, frame: str, values: Sequence[Binding], node: ast.Call) -> None:
        """What is called on a timeframe must be of it: h1.highest(high, 5) would mix the two."""
        if any(self.frames_in(v) - {frame} for v in values if not isinstance(v, Named)):
            above = spelled(node.func).partition(".")[0]
            raise refused(
                node,
                f"a series of other bars in {spelled(node)}",
                f"series of {above} there, such as {above}.high, or the call without {above}.",
            )
