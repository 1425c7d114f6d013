"""A bench whose scores follow a rule that a test gives, and which remembers what it was asked."""

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from application.improvement.authoring import Scores
from kernels.program import Program, compile_strategy

Worth = Callable[[Program, Mapping[str, float]], float]  # quote a day
DAYS = 60
UNIT = 10**8


@functools.cache
def compiled(text: str) -> Program:
    return compile_strategy(text, "fade")


def noise(day: int) -> float:
    """Some quote a day, the same for every set, about as often up as down."""
    return float(day * 7919 % 41 - 20)


class RuledBench:
    """Every set makes its worth each day, plus a noise that all of them share."""

    def __init__(self, worth: Worth, trades: Callable[[float], int] = lambda worth: 100) -> None:
        self.worth, self.closed = worth, trades
        self.asked: list[tuple[Program, list[dict[str, float]]]] = []

    def compile(self, text: str) -> Program:
        return compiled(text)

    def score(self, program: Program, sets: Sequence[Mapping[str, float]]) -> Scores:
        given = [program.resolve(each) for each in sets]
        self.asked.append((program, given))
        worths = [self.worth(program, each) for each in given]
        pnl = [[round((w + noise(day)) * UNIT) for day in range(DAYS)] for w in worths]
        trades = np.array([self.closed(w) for w in worths], np.int64)
        money = np.array(pnl, np.int64) * (trades > 0)[:, None]
        return Scores(money, trades, trades // 2)

    @property
    def sets(self) -> list[dict[str, float]]:
        """All that was scored, in order."""
        return [each for _, given in self.asked for each in given]

    @property
    def sources(self) -> list[str]:
        """Texts that were scored, each once."""
        return list(dict.fromkeys(program.text for program, _ in self.asked))


def near(**best: float) -> Worth:
    """The nearer the parameters to the best ones, in shares of their ranges, the better."""

    def worth(program: Program, values: Mapping[str, float]) -> float:
        parameters = {p.name: p for p in program.parameters}
        away = [
            abs(values[name] - value) / (parameters[name].high - parameters[name].low)
            for name, value in best.items()
        ]
        return 5.0 - 20.0 * sum(away)

    return worth
