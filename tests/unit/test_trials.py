"""Trials: every account as a run of its set alone, whatever runs beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import dtypes
from kernels.joint_runner import JointRunner
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec
from kernels.sweep import course
from kernels.sweep.trials import Span, Trials, TrialSettings, trials
from tests.kernel_programs import Author
from tests.kernel_runs import (
    CAPITAL,
    MINUTE,
    SHIPPED,
    START,
    STRATEGIES,
    Array,
    limits,
    market,
    program_of,
    walk,
)
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
    names = ("days", "span", "pnl", "trades", "wins", "profit", "loss", "ruined")
    return all(getattr(ours, n).tobytes() == getattr(theirs, n).tobytes() for n in names)


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
@pytest.mark.parametrize("symbols", [1, 2, 3])
def test_trials_when_run_over_several_spans_then_each_account_is_that_of_a_run_alone(
    path: Path, symbols: int
) -> None:
    program, stretch = program_of(path), bars_on(symbols, seed=symbols)
    sets, terms = some(program, 11, seed=symbols), under(symbols)
    factors = np.linspace(0.0, 3.0, 11)
    found = trials(program, stretch, sets, terms, SPANS, slippage=factors, threads=2)
    assert found.trades.sum() > 5
    held_against(found, program, stretch, sets, terms, factors=factors, accounts=(0, 3, 7, 10))


def test_trials_when_compared_with_the_reference_backend_then_are_its_bits() -> None:
    program, stretch = program_of(STRATEGIES[0]), bars_on(3, seed=9)
    sets, terms = some(program, 3, seed=1), under(3, daily_loss=40e8, losses=2.0)
    found = trials(program, stretch, sets, terms, SPANS)
    assert found.trades.sum() > 20
    held_against(found, program, stretch, sets, terms, backend="numba")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
@pytest.mark.long
def test_trials_when_the_strategy_is_a_shipped_one_then_each_account_is_that_of_a_run_alone(
    path: Path,
) -> None:
    program, stretch = program_of(path), bars_on(2, seed=4, count=20_000)
    sets, terms = some(program, 17, seed=5), under(2, enforced=False)
    spans = (*SPANS, Span(START + 11 * DAY, START + 18 * DAY))
    found = trials(program, stretch, sets, terms, spans)
    held_against(found, program, stretch, sets, terms, spans)


@pytest.mark.parametrize("seed", range(4))
def test_trials_when_the_program_is_random_then_each_account_is_that_of_a_run_alone(
    seed: int,
) -> None:
    program = compile_strategy(Author(seed).text(), f"random_{seed}")
    stretch, sets = bars_on(2, seed=seed, count=6000), some(program, 9, seed=seed)
    terms = under(2, enforced=bool(seed % 2), leverage=1 + 7 * (seed // 2))
    found = trials(program, stretch, sets, terms, SPANS)
    held_against(found, program, stretch, sets, terms, accounts=(0, 4, 8))


def test_trials_when_capital_hardly_pays_for_an_order_then_ruin_is_that_of_a_run_alone() -> None:
    program = program_of(STRATEGIES[2])
    stretch = [walk(9 * 1440, seed=5), walk(9 * 1440, seed=5, price=31_000.0)[3000:]]  # they rise
    sets = some(program, 3, seed=2)
    dear = market(lot=1e-3, unit=1000.0, min_notional=0.0, taker=0.001)  # a lot costs about 30
    ruined = []
    for capital in (590e8, 630e8, 660e8, 700e8, 1200e8):
        terms = TrialSettings((dear, dear), limits(), 1, capital, MINUTE)
        found = trials(program, stretch, sets, terms, SPANS)
        held_against(found, program, stretch, sets, terms, accounts=(0, 2))
        ruined.append(int(found.ruined.sum()))
    assert ruined[0] > ruined[-1]
    assert any(0 < count < found.ruined.size for count in ruined)


def test_trials_when_cut_anywhere_and_on_any_threads_then_give_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, stretch = program_of(STRATEGIES[2]), bars_on(2, seed=6)
    sets, terms = some(program, 21, seed=6), under(2)
    whole = trials(program, stretch, sets, terms, SPANS)
    for tile, threads in ((997, 1), (1440, 2), (100_000, 3)):
        monkeypatch.setattr(course, "TILE", tile)
        assert same(trials(program, stretch, sets, terms, SPANS, threads=threads), whole)


@given(data=st.data())
@settings(max_examples=5)
def test_trials_when_only_some_accounts_run_then_each_has_the_same_bits(data: Any) -> None:
    program, stretch = program_of(STRATEGIES[2]), bars_on(2, seed=8, count=5000)
    sets, terms = some(program, 20, seed=8), under(2)
    whole = trials(program, stretch, sets, terms, SPANS)
    chosen = data.draw(st.lists(st.integers(0, 19), min_size=1, max_size=12))
    some_of = {name: column[chosen] for name, column in sets.items()}
    found = trials(program, stretch, some_of, terms, SPANS)
    assert found.pnl.tobytes() == whole.pnl[chosen].tobytes()
    assert found.trades.tobytes() == whole.trades[chosen].tobytes()


def test_day_when_no_symbol_has_a_bar_then_changed_nothing() -> None:
    program = program_of(STRATEGIES[2])
    bars = walk(3 * 1440, seed=3)
    bars["timestamp"][1440:] += 2 * DAY  # the second and third day are missing
    sets, terms = some(program, 2, seed=3), under(1)
    spans = (Span(START, START + 2 * DAY), Span(START + 2 * DAY, START + 3 * DAY))
    later = Span(START + 3 * DAY, START + 9 * DAY)
    found = trials(program, [bars], sets, terms, (*spans, later))
    assert found.days.tolist() == [START + n * DAY for n in range(9)]
    assert found.span.tolist() == [0, 0, 1, *[2] * 6]
    assert (found.pnl[:, [1, 2, 5, 6, 7, 8]] == 0.0).all()
    assert (found.pnl[:, [0, 3, 4]] != 0.0).any(axis=0).all()
    held_against(found, program, [bars], sets, terms, (*spans, later))


def test_signal_when_it_was_there_before_the_span_then_is_not_traded_as_a_new_one() -> None:
    program = compile_strategy(HELD, "held")
    bars = walk(2 * 1440, seed=1)
    sets = {"patience": np.array([5.0])}
    span = Span(START + DAY, START + 2 * DAY)
    found = trials(program, [bars], sets, under(1, enforced=False), (span,))
    assert found.trades.sum() == 0  # long since the first bar of the day before
    whole = Span(START, START + 2 * DAY)
    assert trials(program, [bars], sets, under(1, enforced=False), (whole,)).trades.sum() == 1


HELD = '''"""Long, always."""
timeframe("1m")
patience = param(5, 1, 10)

def entry():
    if close > 0:
        return LONG
    return FLAT

def exits():
    return plan(stop=1000, target=2000, max_bars=patience)
'''


def test_trials_when_asked_for_what_cannot_be_then_say_what_is_allowed() -> None:
    program, bars = program_of(STRATEGIES[2]), walk(100)
    sets, terms = some(program, 2, seed=1), under(1)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"spans": ()}, "spans were none, must be at least one"),
        ({"spans": (Span(START, START + 1),)}, "must be between midnights"),
        ({"spans": (SPANS[1], SPANS[0])}, "must begin at or after"),
        ({"spans": (Span(START, START),)}, "end after it began"),
        ({"stretch": [bars] * 2}, "bars were of 2 symbols, must be of 1"),
        ({"stretch": [bars[:0]]}, "bars were none, must be at least one"),
        ({"slippage": np.array([1.0])}, "must be a factor from 0 on for every account"),
        ({"slippage": np.array([1.0, -1.0])}, "must be a factor from 0 on for every account"),
    ]
    for changed, said in cases:
        asked: dict[str, Any] = {"stretch": [bars], "spans": SPANS, "slippage": None, **changed}
        with pytest.raises(ValueError, match=said):
            trials(
                program,
                asked["stretch"],
                sets,
                terms,
                asked["spans"],
                slippage=asked["slippage"],
            )
