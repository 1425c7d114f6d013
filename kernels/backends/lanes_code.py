"""The compiled functions of the vector backend, and how they are named in the cache.

A name holds the flat list and the printer's own sources: all that the text follows from, so machine
code is found without printing anything.
"""

import ctypes
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from kernels import dtypes, llvm
from kernels.joint import JointStep
from kernels.printers import lanes
from kernels.printers.lanes_frames import Alike
from kernels.stages import DESK, KEPT, TAPE, Step, Unit

WHOLE, PLACE = ctypes.c_int64, ctypes.c_void_p
SERIES = (*[WHOLE] * 4, *[PLACE] * 4, WHOLE)
RUN = (*[WHOLE] * 5, *[PLACE] * 6, WHOLE, PLACE, WHOLE, PLACE, PLACE)


def sweep_types(units: int) -> tuple[Any, ...]:
    return (*[WHOLE] * 5, *[PLACE] * 5, *[PLACE] * (2 * units))


def series_of(unit: Unit, step: Step | JointStep, alike: Alike) -> llvm.Function:
    """The compiled function that fills a unit's rows."""
    frame = (step.columns, step.candles, alike)
    return llvm.function(
        named(what(unit), *frame), "series", lambda: lanes.print_unit(unit, *frame), SERIES
    )


def step_of(step: Step, alike: Alike) -> llvm.Function:
    """The compiled function that steps accounts."""
    types = RUN if step.emits else sweep_types(len(step.shared))
    units = [what(unit) for unit in (*step.shared, step.flying)]
    frame = (step.columns, step.candles, step.emits, step.skips, alike)
    return llvm.function(
        named(step.simulate, step.decide, *units, *frame),
        "step",
        lambda: lanes.print_step(step, alike),
        types,
    )


def what(unit: Unit | None) -> tuple[object, ...]:
    """What of a unit its text follows from, in an order that is always the same."""
    if unit is None:
        return ()
    return (unit.statements, len(unit.initial), dict(unit.rings), dict(unit.rows))


def named(*parts: object) -> str:
    """All that a module's text follows from: what is printed, and the printer."""
    return "\0".join((*map(repr, parts), printer()))


@cache
def printer() -> str:
    """Digest of the sources that print, and of the layouts that they print into."""
    found = sorted(Path(lanes.__file__).parent.glob("lanes*.py"))
    layouts = repr((DESK, KEPT, TAPE, dtypes.RECORD_WIDTH)).encode()
    return hashlib.sha256(b"".join(path.read_bytes() for path in found) + layouts).hexdigest()
