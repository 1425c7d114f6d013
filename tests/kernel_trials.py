"""Random trials: a program with parameters, bars, costs, accounts and what these are told.

The trial of a seed is a pure function of it, so a seed is all that a failure has to name.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from kernels import dtypes
from kernels.frontend.flat import Parameter
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec
from tests.kernel_programs import Author, torn
from tests.kernel_runs import CAPITAL, MINUTE, Array, limits, market

WORDS = (0, 0, 0, 0, 0, dtypes.ENTRIES_OFF, dtypes.FLATTEN, dtypes.ENTRIES_OFF | dtypes.FLATTEN)
CAPITALS = (
    CAPITAL,
    CAPITAL,
    CAPITAL,
    900e8,
    60e8,
)  # money: the last can hardly pay for the smallest order
TICKS = ((0.01, 1e-5, 10.0), (0.5, 1e-3, 50_000.0), (1e-4, 1e-2, 100.0))  # tick, lot, unit


@dataclass(frozen=True)
class Trial:
    """What to run. From bar `told[n][0]` on, every account has its control word `told[n][1]`."""

    program: Program
    parameters: dict[str, float]
    bars: Array
    costs: Array
    lanes: tuple[LaneSpec, ...]
    told: tuple[tuple[int, tuple[int, ...]], ...]


def trial_of(seed: int) -> Trial:
    """Make up a trial."""
    rng = np.random.default_rng(seed)
    program = compile_strategy(Author(seed).text(), f"random_{seed}")
    bars = torn(int(rng.integers(300, 900)), seed)
    tick, lot, unit = TICKS[rng.integers(len(TICKS))]
    fees = {"maker": 0.0002, "taker": 0.0005} if rng.random() < 0.8 else {}
    slippage, perpetual = rng.choice([0.0, 0.0003]), float(rng.random() < 0.7)
    costs = market(tick=tick, lot=lot, unit=unit, slippage=slippage, perpetual=perpetual, **fees)
    accounts = int(rng.integers(1, 4)) if rng.random() < 0.8 else 11  # more than a vector holds
    starts = [0, *sorted(rng.choice(np.arange(1, len(bars)), rng.integers(0, 4), replace=False))]
    told = [(int(at), words(int(at), accounts, rng)) for at in starts]
    return Trial(
        program=program,
        parameters=drawn(program.parameters, rng),
        bars=bars,
        costs=costs,
        lanes=tuple(account(rng) for _ in range(accounts)),
        told=tuple(told),
    )


def words(at: int, accounts: int, rng: np.random.Generator) -> tuple[int, ...]:
    if at == 0 and rng.random() < 0.8:
        return (0,) * accounts
    return tuple(int(word) for word in rng.choice(WORDS, accounts))


def account(rng: np.random.Generator) -> LaneSpec:
    bounds = limits(
        bool(rng.random() < 0.5),
        daily_loss=float(rng.choice([500e8, 40e8])),
        weekly_loss=float(rng.choice([1500e8, 60e8])),
        monthly_loss=float(rng.choice([4000e8, 80e8])),
        rapid_loss=float(rng.choice([200e8, 10e8])),
        losses=float(rng.choice([3.0, 1.0])),
        pause=float(rng.choice([60.0, 7.0])) * MINUTE,
    )
    return LaneSpec(int(rng.choice([1, 3, 8, 20])), float(rng.choice(CAPITALS)), bounds)


def drawn(parameters: Collection[Parameter], rng: np.random.Generator) -> dict[str, float]:
    """Some value of every parameter, ends of its range and default as likely as all else."""
    return {p.name: value(p, rng) for p in parameters}


def value(parameter: Parameter, rng: np.random.Generator) -> float:
    between = parameter.low + rng.random() * (parameter.high - parameter.low)
    between = float(np.floor(between)) if parameter.integer else between
    return float(rng.choice([parameter.low, parameter.default, parameter.high, between]))


def words_at(trial: Trial, bar: int) -> tuple[int, ...]:
    return [words for at, words in trial.told if at <= bar][-1]


def somewhere(trial: Trial, rng: np.random.Generator, count: int) -> list[int]:
    """Some places to cut a trial's bars at."""
    found = rng.choice(np.arange(1, len(trial.bars)), min(count, len(trial.bars) - 1), False)
    return [int(at) for at in found]
