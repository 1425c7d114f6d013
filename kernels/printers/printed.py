"""What each printer makes of a run of one version, for whoever wants to read it."""

from collections.abc import Callable, Iterator

from kernels.build import module_name
from kernels.errors import UnknownBackend
from kernels.printers import lanes, opencl_kernels, scalar
from kernels.printers.lanes_frames import Alike
from kernels.printers.scalar_pieces import Pieces
from kernels.stages import Step

RULE = "-" * 78


def printed(step: Step, backend: str) -> str:
    """Give all text of a step that emits, module by module. Raises `UnknownBackend`."""
    if backend not in PRINTERS:
        raise UnknownBackend(f"backend was {backend!r}, must be one of: {', '.join(PRINTERS)}")
    comment, modules = PRINTERS[backend]
    parts = [f"{comment} {title} {RULE}\n\n{text.strip()}\n" for title, text in modules(step)]
    return "\n\n".join(parts)


def of_numba(step: Step) -> Iterator[tuple[str, str]]:
    record, pieces = scalar.print_record(), Pieces()
    record_name = module_name("record", record)
    simulate = scalar.print_simulate(step, record_name)
    simulate_name = module_name("simulate", simulate)
    run = scalar.print_run(step, record_name, simulate_name, pieces)
    yield record_name, record
    yield simulate_name, simulate
    yield from pieces.texts.items()
    yield module_name("strategy", run), run


def of_lanes(step: Step) -> Iterator[tuple[str, str]]:
    (unit,) = step.shared
    alike = Alike(tuple(range(len(step.columns))))  # one version: all constants are the same
    yield "series", lanes.print_unit(unit, step.columns, step.candles, alike)
    yield "step", lanes.print_step(step, alike)


def of_opencl(step: Step) -> Iterator[tuple[str, str]]:
    (unit,) = step.shared
    yield "series", opencl_kernels.print_unit(unit, step.columns, step.candles)
    yield "step", opencl_kernels.print_step(step)


Printer = Callable[[Step], Iterator[tuple[str, str]]]
PRINTERS: dict[str, tuple[str, Printer]] = {  # how each begins a comment, and what it spells
    "numba": ("#", of_numba),
    "lanes": (";", of_lanes),
    "opencl": ("//", of_opencl),
}
