"""The text of a version: how it differs from another's, and as a file that trades the same.

An exported file is the version's own source in which each parameter's default is the version's
value, spliced in where the default stood, so that everything else stays byte for byte as its author
wrote it. It is compiled and compared before anybody gets it.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import unified_diff

from msgspec import Struct

from kernels.errors import StrategyError
from kernels.frontend.source import parse
from kernels.program import Parameter, Program, compile_strategy

LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # as Python's parser counts them
WIDTH = 100  # columns of a header's lines
SHOWN = 1000  # characters of a hypothesis


class NotExported(ValueError):
    """A version's text and parameters give no file that trades as the version does."""


class ParameterChange(Struct, frozen=True):
    """A parameter of two versions; None: that version has none of the name."""

    name: str
    before: float | None
    after: float | None


def parameter_changes(
    before: Mapping[str, float], after: Mapping[str, float]
) -> list[ParameterChange]:
    """List the parameters whose values differ, by name."""
    names = sorted(before.keys() | after.keys())
    changes = (ParameterChange(name, before.get(name), after.get(name)) for name in names)
    return [change for change in changes if change.before != change.after]


def source_diff(before: str, after: str, names: tuple[str, str]) -> str:
    """Give the unified diff of two sources under these names; "" where they are equal."""
    lines = unified_diff(before.split("\n"), after.split("\n"), *names, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def exported(text: str, name: str, parameters: Mapping[str, float], told: Sequence[str]) -> str:
    """Give a file, for a strategy called `name`, that trades as `text` with `parameters` does.

    `told` becomes comments at its head. Raises `NotExported`, and kernels.errors.ParameterError for
    a value that the source does not allow.
    """
    try:
        program = compile_strategy(text, name)
        values = program.resolve(parameters)
        made = "".join(f"{line}\n" for line in header(told)) + spliced(text, program, values)
        same = trades_the_same(program, values, compile_strategy(made, name))
    except StrategyError as error:
        raise NotExported(f"{name} does not compile: {error}") from error
    if not same:
        raise NotExported(f"{name} would trade differently as a file of its own")
    return made


def header(told: Sequence[str]) -> Iterator[str]:
    for line in told:
        words = " ".join("".join(c if c.isprintable() else " " for c in line).split())
        yield from textwrap.wrap(
            words[:SHOWN], WIDTH, initial_indent="# ", subsequent_indent="#   "
        )


def spliced(text: str, program: Program, values: Mapping[str, float]) -> str:
    lines = [line.encode() for line in LINES.findall(text)]  # the tree counts columns in bytes
    declared = {parameter.name: parameter for parameter in program.parameters}
    for name, default in reversed(list(defaults(text))):
        written = spelled(declared[name], values[name]).encode()
        first, last = default.lineno - 1, (default.end_lineno or default.lineno) - 1
        tail = lines[last][default.end_col_offset :]
        lines[first : last + 1] = [lines[first][: default.col_offset] + written + tail]
    return b"".join(lines).decode()


def defaults(text: str) -> Iterator[tuple[str, ast.expr]]:
    for node in parse(text).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Name(id="param"), args=[default, *_]),
            ):
                yield name, default


def spelled(parameter: Parameter, value: float) -> str:
    return repr(int(value)) if parameter.integer else repr(float(value))


def trades_the_same(program: Program, values: Mapping[str, float], made: Program) -> bool:
    """Whether two programs are one flat list, but for defaults, which are to be these values."""
    ranges, other = program.flat.parameters, made.flat.parameters
    set_to = {name: replace(each, default=values[name]) for name, each in ranges.items()}
    return other == set_to and replace(made.flat, parameters=ranges) == program.flat
