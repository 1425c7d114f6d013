"""What trading needs of the kernel, as a port, and the kernel itself behind it.

The kernel decides; trading only feeds it bars and control words and writes down what it says. The
port is narrow so that a test can put a kernel that lies in its place.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from application.ports import Stretch
from kernels.program import Program as KernelProgram
from kernels.program import check_backend, compiled_once
from kernels.runner import LaneSpec
from kernels.runners import runner_on
from kernels.told import Told

Array = np.ndarray[Any, Any]


class Parameter(Protocol):
    """A number that a strategy declares, with its default."""

    @property
    def name(self) -> str: ...

    @property
    def default(self) -> float: ...


class Program(Protocol):
    """A strategy file, compiled."""

    @property
    def name(self) -> str: ...

    @property
    def docstring(self) -> str: ...

    @property
    def timeframe(self) -> str: ...

    @property
    def parameters(self) -> Sequence[Parameter]: ...

    @property
    def series_names(self) -> Sequence[str]: ...

    @property
    def tags(self) -> Sequence[str]: ...

    @property
    def source_sha(self) -> str: ...


class Lane(Struct, frozen=True):
    """One account of a run."""

    leverage: int
    capital: float  # whole 1e-8 quote units
    limits: Any  # a row of kernels.dtypes.LIMITS
    signals: bool  # whether this lane reports signals; one lane of a run does


class Block(Protocol):
    """What happened in a block of moments: records in the layout of `kernels.dtypes`."""

    @property
    def records(self) -> Sequence[Array]: ...  # one [n, RECORD_WIDTH] per lane, in time order

    @property
    def closes(self) -> Sequence[Array]: ...  # by symbol: opens (ms) of the strategy bars closed

    @property
    def series(self) -> Sequence[Array]: ...  # by symbol: [len(series_names), len(closes)]


class Runner(Protocol):
    """One program over all symbols' bars; blocks may be cut anywhere without changing a bit."""

    def run(self, stretch: Stretch, controls: Sequence[int]) -> Block:
        """Take the next bars under one control word per lane."""

    def limit(self, rows: Sequence[Any]) -> None:
        """Hold the accounts to other limits from the next bar on, a row of LIMITS for each lane."""

    def tell(self, symbol: int, told: Told) -> None:
        """Have a symbol's `regime` read these classifications from the next bar on; `symbol` counts
        the markets. They take the place of those told before."""

    def hand(self, lane: int) -> bytes:
        """What an account has once (cash, breakers, its record), which another may go on with."""

    def receive(self, lane: int, data: bytes) -> None:
        """Go on with what an account of another version handed over; both hold nothing."""

    def state(self) -> bytes:
        """Everything a later bar depends on, but the limits and what was told."""

    def restore(self, data: bytes) -> None:
        """Go back to a state. Raises ValueError for one that is not this program's."""


class Kernel(Protocol):
    """Compiles strategies and runs them."""

    @property
    def identity(self) -> str:
        """Changes whenever the kernel's code does: a state is worth nothing to another kernel."""

    def compile(self, text: str, name: str) -> Program:
        """Raises kernels.errors.StrategyError naming line and column."""

    def runner(
        self,
        program: Program,
        parameters: Mapping[str, float],
        markets: Sequence[Any],
        base_ms: int,
        lanes: Sequence[Lane],
    ) -> Runner:
        """Set up one run; `markets` are rows of kernels.dtypes.MARKET, one per symbol."""


class EngineKernel:
    """The kernel of this distribution, on any of its backends."""

    def __init__(self, backend: str = "lanes") -> None:
        """Choose a backend; raises kernels.errors.UnknownBackend.

        Lanes compile a new version in well under a second, which a run that goes on improving
        waits for between two bars; a bar alone takes them some microseconds more.
        """
        self.backend = check_backend(backend)
        self.device = ""  # what the latest run is on; "" before the first

    @property
    def identity(self) -> str:
        """Digest of the kernel's own source files.

        The backend is no part of it: all give the same bits, so the state that one left behind is
        as good to any other.
        """
        return kernel_identity()

    def compile(self, text: str, name: str) -> Program:
        """Compile a strategy file. Raises kernels.errors.StrategyError naming line and column."""
        return compiled_once(text, name)

    def runner(
        self,
        program: Program,
        parameters: Mapping[str, float],
        markets: Sequence[Any],
        base_ms: int,
        lanes: Sequence[Lane],
    ) -> Runner:
        """Set up one run. Raises ValueError for more symbols than an account may hold."""
        compiled = as_kernel(program)
        specs = [LaneSpec(lane.leverage, lane.capital, lane.limits, lane.signals) for lane in lanes]
        made = runner_on(markets, compiled, parameters, base_ms, specs, self.backend)
        self.device = made.machine.device
        return made


def as_kernel(program: Program) -> KernelProgram:
    """Give a program as the kernel made it. Raises TypeError for another."""
    if not isinstance(program, KernelProgram):
        raise TypeError(f"program was {type(program).__name__}, must come from compile()")
    return program


@cache
def kernel_identity() -> str:
    """Digest every source file of the kernel: a changed line is another kernel."""
    digest = sha256(f"{sys.byteorder} {np.__version__}".encode())
    for name, text in sorted(sources(resources.files("kernels"), "")):
        digest.update(name.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()


def sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        name = f"{prefix}{item.name}"
        if item.is_dir():
            found += sources(item, f"{name}/")
        elif name.endswith(".py"):
            found.append((name, item.read_bytes()))
    return found
