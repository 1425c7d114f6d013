"""What a strategy declares and needs, on one sheet: for whoever reads or reviews it.

Warm-up is measured and units are inferred: the sheet says what the file does, not what its author
believes. Nothing here decides anything.
"""

import ast
from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from kernels import dimensions, dtypes, ir, warmup
from kernels.constants import constants
from kernels.frontend.flat import Flat
from kernels.frontend.scope import Value
from kernels.program import Program
from kernels.slices import Slicer
from kernels.stages import KEPT, columns


class SeriesSheet(Struct, frozen=True, kw_only=True):
    name: str
    unit: str  # quote, base, their products; "number" without one, "condition" for true or false
    parameters: tuple[str, ...]  # that it depends on; series of the same ones are computed together
    warm_up: int | None  # strategy bars until it has a value; None: more than were tried


class ParameterSheet(Struct, frozen=True, kw_only=True):
    name: str
    default: float
    low: float
    high: float
    integer: bool


class Sizes(Struct, frozen=True, kw_only=True):
    entry: int  # statements of the file's entry()
    exits: int
    series: int  # flat statements: those of the file with all that they call put in their place
    decide: int
    simulate: int
    series_state: int  # doubles
    account_state: int


class StrategySheet(Struct, frozen=True, kw_only=True):
    """Everything about one strategy file."""

    name: str
    description: str
    timeframe: str
    higher: tuple[str, ...]
    sizing: str  # METHOD=VALUE, or METHOD=VALUE, FIGURE, at default parameters
    parameters: tuple[ParameterSheet, ...]
    series: tuple[SeriesSheet, ...]
    tags: tuple[str, ...]
    warm_up: int | None  # strategy bars before which it enters nothing; None: more than were tried
    warm_up_bars: int  # that were tried
    sizes: Sizes
    source_sha: str


def sheet_of(program: Program, text: str) -> StrategySheet:
    """Fill in the sheet of a program compiled from `text`; runs its series over made-up bars."""
    flat, warm, units = program.flat, warmup.measure(program), dimensions.units(program.flat)
    slicer = Slicer(flat)
    return StrategySheet(
        name=program.name,
        description=program.docstring,
        timeframe=program.timeframe,
        higher=flat.higher,
        sizing=sizing_of(flat, program.resolve({})),
        parameters=tuple(
            ParameterSheet(
                name=p.name, default=p.default, low=p.low, high=p.high, integer=p.integer
            )
            for p in program.parameters
        ),
        series=tuple(
            SeriesSheet(
                name=name,
                unit=units[name],
                parameters=tuple(
                    p for p in flat.parameters if p in slicer.dependence(flat.rows[name])
                ),
                warm_up=warm.series[name],
            )
            for name in flat.named
        ),
        tags=tuple(tag for tag in program.tags if tag),
        warm_up=warm.all,
        warm_up_bars=warmup.BARS,
        sizes=sizes_of(program, text),
        source_sha=program.source_sha,
    )


def sizing_of(flat: Flat, parameters: Mapping[str, float]) -> str:
    """Spell how large trades are at these parameters: METHOD=VALUE, or METHOD=VALUE, FIGURE.

    A figure that is fixed for a run is told as a number, any other as the file says it.
    """
    method, value = flat.sizing
    told = f"{dtypes.SIZING[method]}={fixed(flat, value, parameters):g}"
    if flat.figure is None:
        return told
    if ir.level_of(flat.figure) == ir.CONST:
        return f"{told}, {fixed(flat, flat.figure, parameters):g}"
    return f"{told}, {flat.figure_said}"


def fixed(flat: Flat, value: Value, parameters: Mapping[str, float]) -> float:
    if isinstance(value, ir.Num):
        return value.value
    given = {name: np.array([each]) for name, each in parameters.items()}
    table = constants(flat, given)[0]
    (field,) = ir.leaves(value, ir.Field)
    return float(table[columns(flat).index(field.name)])


def sizes_of(program: Program, text: str) -> Sizes:
    flat, (unit,) = program.flat, program.run_step.shared
    functions = {f.name: f for f in ast.parse(text).body if isinstance(f, ast.FunctionDef)}
    counts = {
        name: sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
        for name, function in functions.items()
    }
    return Sizes(
        entry=counts["entry"],
        exits=counts["exits"],
        series=ir.size(unit.statements),
        decide=ir.size(flat.decide.statements),
        simulate=ir.size(flat.simulate.statements),
        series_state=len(unit.initial),
        account_state=KEPT,
    )
