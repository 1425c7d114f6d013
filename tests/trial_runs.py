"""Trials held against runs of one account at a time: what they promise to equal, bit for bit."""

from collections.abc import Sequence

import numpy as np

from kernels import dtypes
from kernels.joint_runner import JointRunner
from kernels.program import Program
from kernels.runner import LaneSpec
from kernels.sweep.trials import Span, Trials, TrialSettings
from tests.kernel_runs import CAPITAL, MINUTE, START, Array, limits, market, walk
from tests.kernel_trials import drawn
from tests.trading_bars import made_bars

DAY = 1440 * MINUTE
COSTS = (
    market(maker=0.0002, taker=0.0005, slippage=0.0005, perpetual=1.0),
    market(tick=0.5, lot=1e-3, unit=50_000.0, taker=0.001, slippage=0.0002, dynamic=1.0),
    market(taker=0.001, slippage=0.001, min_notional=20e8),
)
SPANS = tuple(Span(START + a * DAY, START + b * DAY) for a, b in ((1, 2), (2, 4), (5, 9)))
Sets = dict[str, Array]


def some(program: Program, count: int, seed: int) -> Sets:
    """Random sets, one of them the defaults."""
    rng = np.random.default_rng(seed)
    found = [program.resolve({}), *(drawn(program.parameters, rng) for _ in range(count - 1))]
    return {p.name: np.array([each[p.name] for each in found]) for p in program.parameters}


def bars_on(symbols: int, seed: int, count: int = 8000) -> list[Array]:
    """Made minutes, the first of them in livelier prices: there is much to trade."""
    found = list(made_bars(seed, symbols, count).values())
    found[0] = walk(count, seed)[np.random.default_rng(seed).random(count) < 0.97]
    return found


def under(
    symbols: int, enforced: bool = True, leverage: int = 8, **changes: float
) -> TrialSettings:
    return TrialSettings(COSTS[:symbols], limits(enforced, **changes), leverage, CAPITAL, MINUTE)


def alone(
    program: Program,
    stretch: Sequence[Array],
    values: dict[str, float],
    terms: TrialSettings,
    span: Span,
    factor: float = 1.0,
    backend: str = "lanes",
) -> tuple[list[float], dict[str, float]]:
    """P&L by day and the account at the end of a JointRunner that was let in as the span began."""
    markets = [market.copy() for market in terms.markets]
    for each in markets:
        each["slippage"] *= factor
    lane = LaneSpec(terms.leverage, terms.capital, terms.limits)
    runner = JointRunner(
        program.on_several, values, markets, terms.base_ms, [lane], backend=backend
    )

    def taken(start: int, end: int, word: int) -> float:
        cut = [b[(b["timestamp"] >= start) & (b["timestamp"] < end)] for b in stretch]
        if any(map(len, cut)):
            runner.run(cut, [word])
        return runner.account(0)["equity"]

    before = taken(0, span.start, dtypes.ENTRIES_OFF)
    pnl: list[float] = []
    for day in range(span.start, span.end, DAY):
        after = taken(day, day + DAY, 0)
        pnl.append(after - before)
        before = after
    return pnl, runner.account(0)


def held_against(
    found: Trials,
    program: Program,
    stretch: Sequence[Array],
    sets: Sets,
    terms: TrialSettings,
    spans: Sequence[Span] = SPANS,
    factors: Array | None = None,
    accounts: Sequence[int] | None = None,
    backend: str = "lanes",
) -> None:
    """Assert that trials gave what runs alone give, of all accounts or some."""
    count = len(found.pnl)
    for n in range(count) if accounts is None else accounts:
        values = {name: float(column[n]) for name, column in sets.items()}
        factor = 1.0 if factors is None else float(factors[n])
        for k, span in enumerate(spans):
            pnl, account = alone(program, stretch, values, terms, span, factor, backend)
            assert found.pnl[n, found.span == k].tolist() == pnl
            for name in ("trades", "wins", "profit", "loss", "ruined"):
                assert getattr(found, name)[n, k] == account[name], name
            assert found.pnl[n, found.span == k].sum() == account["equity"] - terms.capital


def same(ours: Trials, theirs: Trials) -> bool:
    """Whether two trials gave the same bytes."""
    names = ("days", "span", "pnl", "trades", "wins", "profit", "loss", "ruined")
    return all(getattr(ours, n).tobytes() == getattr(theirs, n).tobytes() for n in names)
