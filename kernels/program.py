"""A strategy file, compiled: what it declares, and the functions that trade it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from kernels.backends import opencl_choice
from kernels.backends.lanes import LanesMachine
from kernels.backends.machine import Machine
from kernels.backends.scalar import ScalarMachine
from kernels.errors import ParameterError, UnknownBackend
from kernels.frontend.flat import TIMEFRAMES, Flat, Parameter
from kernels.frontend.strategy import read_strategy
from kernels.stages import Step, whole

Array = np.ndarray[Any, Any]

MACHINES: dict[str, Callable[[Step, Array, Array], Machine]] = {
    "numba": ScalarMachine,
    "lanes": LanesMachine,
    "opencl": opencl_choice.machine,  # a device is looked for when it is first asked for
}
BACKENDS = tuple(MACHINES)

__all__ = ["BACKENDS", "Parameter", "Program", "check_backend", "compile_strategy"]


@dataclass(frozen=True)
class Program:
    """One strategy's text in compiled form; machine code is made when it is first run."""

    flat: Flat
    text: str
    imposed: tuple[str, float] | None = None  # sizing that took the place of the strategy's own

    @cached_property
    def source_sha(self) -> str:
        """sha256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def on_several(self) -> "Program":
        """The same strategy for accounts that hold several symbols (`kernels.joint_runner`)."""
        return compile_strategy(self.text, self.name, self.imposed, several=True)

    @property
    def name(self) -> str:
        return self.flat.name

    @property
    def docstring(self) -> str:
        return self.flat.documentation

    @property
    def timeframe(self) -> str:
        return self.flat.timeframe

    @property
    def timeframe_ms(self) -> int:
        return TIMEFRAMES[self.flat.timeframe] * 60_000

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(self.flat.parameters.values())

    @property
    def series_names(self) -> tuple[str, ...]:
        """The series that the author named, in the order of the file."""
        return self.flat.named

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags by index; index 0 is no tag."""
        return tuple(self.flat.tags)

    @cached_property
    def run_step(self) -> Step:
        """What one version does, as two stages that write records."""
        return whole(self.flat)

    def machine(self, backend: str, constants: Array, desk: Array) -> Machine:
        """Accounts of one version on a backend; raises UnknownBackend."""
        return MACHINES[check_backend(backend)](self.run_step, constants, desk)

    def resolve(self, given: Mapping[str, float]) -> dict[str, float]:
        """Fill in defaults and check ranges; raises ParameterError naming the parameter."""
        declared = self.flat.parameters
        for name in given:
            if name not in declared:
                names = ", ".join(declared) or "none"
                raise ParameterError(
                    f"parameter {name!r} is unknown to {self.name}, which has: {names}"
                )
        return {name: checked(p, float(given.get(name, p.default))) for name, p in declared.items()}


def checked(parameter: Parameter, value: float) -> float:
    kind = "a whole number" if parameter.integer else "a number"
    if not parameter.low <= value <= parameter.high or (parameter.integer and value != int(value)):
        allowed = f"{kind} from {parameter.low:g} to {parameter.high:g}"
        raise ParameterError(f"parameter {parameter.name} was {value:g}, must be {allowed}")
    return value


def compile_strategy(
    text: str, name: str, sizing: tuple[str, float] | None = None, several: bool = False
) -> Program:
    """Check and flatten a strategy's text; raises StrategyError with line and column.

    `sizing` (method, value) takes the place of the strategy's own: for research, never for trading.
    `several`: for accounts that hold several symbols (`kernels.joint_runner`).
    """
    flat = read_strategy(text, name, sizing, several)
    return Program(flat, text, sizing)


@lru_cache(maxsize=128)
def compiled_once(
    text: str, name: str, sizing: tuple[str, float] | None = None, several: bool = False
) -> Program:
    """Compile as `compile_strategy`, once for each of the last texts: for who meets them again."""
    return compile_strategy(text, name, sizing, several)


def check_backend(name: str) -> str:
    """Give the backend's name back, or raise UnknownBackend."""
    if name not in BACKENDS:
        raise UnknownBackend(f"backend was {name!r}, must be one of: {', '.join(BACKENDS)}")
    return name
