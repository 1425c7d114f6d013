"""What is to be done to a strategy's text, and how it is carried out.

New parameters are declared behind the others and new series behind all series, under names that
nothing else has, and the docstring gains a line that says what was changed.
"""

import ast
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

from application.improvement.search.manuscript import Manuscript, Splice

WIDTH = 98  # characters of a line in a docstring


@dataclass
class Edit:
    """What is to be done to a text."""

    manuscript: Manuscript
    splices: list[Splice] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)  # lines
    series: list[str] = field(default_factory=list)  # lines
    tuned: list[str] = field(default_factory=list)  # the parameters' names

    def parameter(self, name: str, range_: str, comment: str) -> str:
        """Declare a parameter, `range_` being default, low, high; gives the name it got."""
        free = self.manuscript.free(name)
        self.parameters.append(f"{free} = param({range_})  # {comment}")
        self.tuned.append(free)
        return free

    def define(self, name: str, value: str) -> str:
        """Define a series outside the functions; gives the name it got."""
        free = self.manuscript.free(name)
        self.series.append(f"{free} = {value}")
        return free

    def splice(self, start: int, end: int, text: str) -> None:
        self.splices.append(Splice(start, end, text))

    def text(self, note: str) -> str:
        """Carry it out, with a note in the docstring. What was edited twice stays as it was."""
        found = self.manuscript
        splices = [*self.splices, *noted(found, note)]
        outside = [n for n in found.tree.body if not isinstance(n, ast.FunctionDef)]
        declared = [n for n in outside if is_parameter(n)] or [n for n in outside if is_frame(n)]
        for nodes, lines in ((declared, self.parameters), (outside, self.series)):
            if lines and nodes:
                place = found.line_end(nodes[-1])
                splices.append(Splice(place, place, "".join(f"\n{line}" for line in lines)))
        return spliced(found.text, splices)


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """Carry out splices, those at one place in the order given; of two that overlap, the first."""
    pieces, at = [], 0
    for splice in sorted(splices, key=lambda each: each.start):
        start = max(splice.start, at) if not splice.text else splice.start
        if start < at or splice.end < start:
            continue
        pieces += [text[at:start], splice.text]
        at = splice.end
    return "".join((*pieces, text[at:]))


def noted(found: Manuscript, note: str) -> list[Splice]:
    """The splice that adds a paragraph to the docstring, or writes one."""
    lines = "\n".join(textwrap.wrap(note, WIDTH))
    match found.tree.body[:1]:
        case [ast.Expr(value=ast.Constant(value=str(said)) as node)]:
            written = found.written(node)
        case _:
            return [Splice(0, 0, f'"""{lines}"""\n\n')]
    end = found.end(node)
    if written.endswith(('"""', "'''")):
        begin = "" if said.endswith("\n") else "\n" if "\n" in said else "\n\n"
        return [Splice(end - 3, end - 3, f"{begin}{lines}\n")]
    if "\\" in written or written[1:-1] != said or '"' in said:
        return []
    return [Splice(found.start(node), end, f'"""{said}\n\n{lines}\n"""')]


def is_parameter(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(value=ast.Call(func=ast.Name(id="param"))):
            return True
    return False


def is_frame(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="timeframe"))):
            return True
    return False
