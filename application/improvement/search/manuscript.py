"""A strategy's text, edited where it stands: comments, names and layout of the rest remain.

Edits are splices into the text, found by the syntax tree. Nothing here knows whether what comes out
is a strategy: the compiler says so, and what it refuses is dropped.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from kernels.frontend import library
from kernels.frontend.source import parse
from kernels.frontend.strategy import RESERVED

CHANGED = re.compile(r"^Changed \((\w+)\):", re.MULTILINE)
BUILT_IN = ("min", "max", "abs", "sqrt", "floor")
IGNORED = (tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE)
PLANNED = ("stop", "target", "max_bars")  # arguments of plan() that may stand without a name


@dataclass(frozen=True, order=True)
class Splice:
    """Characters `start` … `end` − 1 give way to a text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Argument:
    """One argument of a plan(…): where all of it stands, and where its value does."""

    start: int
    value: int
    end: int
    node: ast.expr
    named: bool


class Manuscript:
    """A text that parses, and where in it things stand. Raises StrategyError if it does not."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.tree = parse(self.text)
        self.lines = self.text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.taken = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        self.taken |= RESERVED | library.indicators() | set(BUILT_IN)
        self.functions = {n.name: n for n in self.tree.body if isinstance(n, ast.FunctionDef)}

    @property
    def applied(self) -> set[str]:
        """What its docstring says was changed in it before."""
        return set(CHANGED.findall(ast.get_docstring(self.tree) or ""))

    @property
    def timeframe(self) -> str:
        for node in self.tree.body:
            match node:
                case ast.Expr(
                    value=ast.Call(func=ast.Name(id="timeframe"), args=[ast.Constant(value=str(t))])
                ):
                    return t
        return ""

    # Places

    def place(self, line: int, column: int) -> int:
        """The character at a line, 1-based, and a column in bytes, as syntax trees count."""
        before = self.lines[line - 1].encode()[:column].decode()
        return self.starts[line - 1] + len(before)

    def start(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        return self.place(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        return self.place(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def written(self, node: ast.expr | ast.stmt) -> str:
        return self.text[self.start(node) : self.end(node)]

    def line_start(self, node: ast.stmt) -> int | None:
        """Where a statement's line begins; None if something stands before it."""
        begin = self.starts[node.lineno - 1]
        return begin if self.text[begin : self.start(node)].isspace() else None

    def line_end(self, node: ast.stmt) -> int:
        line = node.end_lineno or node.lineno
        return self.starts[line - 1] + len(self.lines[line - 1])

    def indent(self, node: ast.stmt) -> str:
        return self.text[self.starts[node.lineno - 1] : self.start(node)]

    # What there is

    def free(self, name: str) -> str:
        """A name like the one given that nothing is called by."""
        found, number = name, 2
        while found in self.taken:
            found, number = f"{name}_{number}", number + 1
        self.taken.add(found)
        return found

    def returns(self) -> list[tuple[ast.Return, ast.expr, str]]:
        """The returns of entry() that ask for a side: the statement, its value, long or short."""
        found = []
        for node in ast.walk(self.functions["entry"]):
            if isinstance(node, ast.Return) and node.value is not None:
                side = side_of(node.value)
                if side:
                    found.append((node, node.value, side))
        return sorted(found, key=lambda each: self.start(each[0]))

    def plans(self) -> list[ast.Call]:
        """The plan(…) that exits() returns, in the order of the file."""
        found = []
        for node in ast.walk(self.functions["exits"]):
            match node:
                case ast.Return(value=ast.Call(func=ast.Name(id="plan")) as call):
                    found.append(call)
        return sorted(found, key=self.start)

    def arguments(self, call: ast.Call) -> dict[str, Argument]:
        """The arguments of a plan(…) by name."""
        found = {}
        for name, node in zip(PLANNED, call.args, strict=False):
            start, end = self.start(node), self.end(node)
            found[name] = Argument(start, start, end, node, named=False)
        for keyword in call.keywords:
            start, end = self.start(keyword), self.end(keyword)
            value = re.compile(r"\w+\s*=\s*").match(self.text, start)
            if keyword.arg and value:
                found[keyword.arg] = Argument(start, value.end(), end, keyword.value, named=True)
        return found

    def names_behind(self, node: ast.expr) -> set[str]:
        """The names that an expression is made of, and those that they are made of, and so on."""
        made: dict[str, set[str]] = {}
        for statement in ast.walk(self.tree):
            if isinstance(statement, ast.Assign):
                names = names_in(statement)
                for target in statement.targets:
                    for name in names_in(target):
                        made.setdefault(name, set()).update(names)
        found: set[str] = set()
        left = list(names_in(node))
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += made.get(name, ())
        return found

    # Pieces of a call

    def before_close(self, call: ast.Call) -> tuple[int, str]:
        """Where the last thing before a call's closing bracket ends, and what it is."""
        end, last = self.end(call), (self.start(call), "")
        for token in self.tokens():
            place = self.starts[token.end[0] - 1] + token.end[1]
            if place >= end:
                return last
            if token.type not in IGNORED:
                last = (place, token.string)
        return last

    def tokens(self) -> Iterator[tokenize.TokenInfo]:
        return tokenize.generate_tokens(io.StringIO(self.text).readline)

    def without(self, argument: Argument) -> Splice:
        """The splice that takes an argument out of its call, with the line it has to itself."""
        start, end = argument.start, argument.end
        after = re.compile(r"\s*,").match(self.text, end)
        if after is None:  # the last, with no comma behind it: the one before goes
            before = re.search(r",\s*$", self.text[:start])
            return Splice(before.start() if before else start, end, "")
        end = after.end()
        line = re.compile(r"[^\S\n]*(#[^\n]*)?\n[^\S\n]*").match(self.text, end)
        begun = re.search(r"\n[^\S\n]*$", self.text[:start])
        if line and begun:
            return Splice(begun.start(), line.start() + line.group().index("\n"), "")
        blanks = re.compile(r"[^\S\n]*").match(self.text, end)
        return Splice(start, blanks.end() if blanks else end, "")

    def added(self, call: ast.Call, arguments: str) -> Splice:
        """The splice that adds arguments to a call, behind the last."""
        place, last = self.before_close(call)
        if last == "(":
            return Splice(place, place, arguments)
        broken = "\n" in self.text[place : self.end(call)]
        if broken:  # one argument a line
            line = self.text.rindex("\n", 0, place) + 1
            indent = self.text[line : len(self.text)]
            blanks = indent[: len(indent) - len(indent.lstrip())]
            comma = "" if last == "," else ","
            return Splice(place, place, f"{comma}\n{blanks}{arguments},")
        return Splice(place, place, f" {arguments}" if last == "," else f", {arguments}")


def side_of(node: ast.expr) -> str:
    match node:
        case ast.Call(func=ast.Name(id="long" | "short" as side)):
            return side
        case ast.Name(id="LONG" | "SHORT" as side):
            return side.lower()
    return ""


def tag_of(node: ast.expr) -> str:
    """The tag that a long(…) or short(…) gives, "" for none."""
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "tag" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return ""


def names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} | {
        each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)
    }
