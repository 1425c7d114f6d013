"""The bench that authors score on: the kernel over the bars before the split, and no other bar."""

from collections.abc import Mapping, Sequence

import numpy as np

from application.improvement.authoring import Scores
from application.improvement.study import Cut, fit_windows
from application.ports import Stretch, until
from domain.timeframe import MINUTE
from kernels.errors import StrategyError
from kernels.program import Program, compiled_once
from kernels.sweep.trials import TrialSettings, trials
from kernels.told import Told


class Workbench:
    """Scores parameter sets as accounts of sleeve B, one for each window before the split."""

    def __init__(
        self,
        name: str,
        cut: Cut,
        stretch: Stretch,
        settings: TrialSettings,
        threads: int = 1,
        told: tuple[Told, ...] = (),
    ) -> None:
        self._name = name
        self._stretch = until(stretch, cut.split)  # what comes after it is not even held
        self._spans = fit_windows(cut)
        self._settings, self._threads, self._told = settings, threads, told

    def compile(self, text: str) -> Program:
        """Compile a source. Raises kernels.errors.StrategyError naming line and column."""
        return fitting(compiled_once(text, self._name), self._settings.base_ms)

    def score(self, program: Program, sets: Sequence[Mapping[str, float]]) -> Scores:
        """Score sets, each with a value for every parameter.

        Raises kernels.errors.ParameterError.
        """
        given = [program.resolve(each) for each in sets]
        names = [parameter.name for parameter in program.parameters]
        table = {name: np.array([each[name] for each in given], np.float64) for name in names}
        told = trials(
            program,
            self._stretch,
            table,
            self._settings,
            self._spans,
            slippage=np.ones(len(given)),
            told=self._told,
            threads=self._threads,
        )
        return Scores(told.pnl.astype(np.int64), told.trades.sum(axis=1), told.wins.sum(axis=1))


def fitting(program: Program, base_ms: int) -> Program:
    """Give a program back that can be tried on base bars, as accounts on several symbols are.

    Raises StrategyError for another: of another timeframe, or too long once it is for several.
    """
    if program.timeframe_ms % base_ms == 0:
        compiled_once(program.text, program.name, program.imposed, several=True)
        return program
    lines = enumerate(program.text.splitlines(), 1)
    line = next((n for n, text in lines if text.startswith("timeframe")), 1)
    found = f'timeframe("{program.timeframe}")'
    raise StrategyError(line, 1, found, f"a multiple of the feed's {base_ms // MINUTE} minutes")
