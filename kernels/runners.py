"""A run on one symbol or on several, with the same face for both.

On one symbol the plain runner is used: it gives the bits of the joint one at several times the
speed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.joint_runner import JointBlock, JointRunner
from kernels.program import Program
from kernels.runner import LaneSpec, Runner
from kernels.told import Told

Array = np.ndarray[Any, Any]


class OneSymbol:
    """A run on one symbol, as `JointRunner`."""

    def __init__(self, runner: Runner) -> None:
        self.machine = runner.machine
        self.limit, self.state, self.restore = runner.limit, runner.state, runner.restore
        self.account, self.digest = runner.account, runner.digest
        self.hand, self.receive = runner.hand, runner.receive
        self._run, self._tell = runner.run, runner.tell

    def run(self, bars: Sequence[Array], controls: Sequence[int]) -> JointBlock:
        """Take the next bars."""
        (own,) = bars
        block = self._run(own, controls)
        return JointBlock(block.records, own["timestamp"], [block.closes], [block.series])

    def tell(self, symbol: int, told: Told) -> None:
        """Have `regime` read these classifications from the next bar on."""
        if symbol != 0:
            raise ValueError(f"symbol was {symbol}, must be 0")
        self._tell(told)


def runner_on(
    markets: Sequence[Array],
    program: Program,
    parameters: Mapping[str, float],
    base_ms: int,
    lanes: Sequence[LaneSpec],
    backend: str = "numba",
) -> OneSymbol | JointRunner:
    """Set up a run on rows of `dtypes.MARKET`, one per symbol; `program` is that for one symbol.

    Raises ParameterError, UnknownBackend; ValueError for more symbols than an account may hold, or
    a timeframe that base bars do not make.
    """
    if len(markets) == 1:
        return OneSymbol(Runner(program, parameters, markets[0], base_ms, lanes, backend))
    return JointRunner(program.on_several, parameters, markets, base_ms, lanes, backend)
