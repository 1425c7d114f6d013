"""One account's run, on one symbol or on several."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from application.ports import Stretch
from kernels.program import Program
from kernels.runner import LaneSpec
from kernels.runners import runner_on

Array = np.ndarray[Any, Any]


class AccountRunner:
    """A version's one account, ready for the next moment."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, float],
        markets: Sequence[Array],
        base_ms: int,
        lane: LaneSpec,
        backend: str,
    ) -> None:
        """Set it up on rows of `dtypes.MARKET`. Raises ParameterError, UnknownBackend; ValueError
        for more symbols than an account may hold, or a timeframe that base bars do not make."""
        self.runner = runner_on(markets, program, parameters, base_ms, [lane], backend)
        self.state, self.restore = self.runner.state, self.runner.restore

    @property
    def device(self) -> str:
        """What it runs on."""
        return self.runner.machine.device

    def run(self, stretch: Stretch, control: int = 0) -> Array:
        """Take the next bars under a control word; give the account's records."""
        return self.runner.run(stretch, [control]).records[0]

    def account(self) -> dict[str, float]:
        """Give the account's fields by name, as of the last moment."""
        return self.runner.account(0)

    def digest(self) -> str:
        """Digest the account and what it holds."""
        return self.runner.digest(0)
