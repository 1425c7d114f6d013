"""Trials: every account as a run of its set alone, whatever runs beside it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.program import compile_strategy
from kernels.sweep import course
from kernels.sweep.trials import Span, TrialSettings, prepared, trials
from tests.kernel_programs import Author
from tests.kernel_runs import MINUTE, SHIPPED, START, STRATEGIES, limits, market, program_of, walk
from tests.trial_runs import DAY, SPANS, bars_on, held_against, same, some, under


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


def test_trials_when_idle_symbols_are_looked_at_too_then_give_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, stretch = program_of(STRATEGIES[2]), bars_on(3, seed=12)
    sets, terms = some(program, 9, seed=12), under(3)
    passed_over = trials(program, stretch, sets, terms, SPANS)

    def restless(*asked: Any) -> Any:
        several, step = prepared(*asked)
        assert step.rests
        return several, replace(step, rests=False)

    monkeypatch.setattr("kernels.sweep.trials.prepared", restless)
    assert same(trials(program, stretch, sets, terms, SPANS), passed_over)


def test_trials_when_a_strategy_has_no_parameters_then_are_of_one_account() -> None:
    program = compile_strategy(PLAIN, "plain")
    stretch = bars_on(2, seed=3, count=4000)
    found = trials(program, stretch, {}, under(2), SPANS)
    assert found.pnl.shape == (1, 7)
    assert found.trades.sum() > 0
    held_against(found, program, stretch, {}, under(2))


PLAIN = '''"""Buys what rose."""
timeframe("1m")

def entry():
    if close > close[3]:
        return LONG
    return FLAT

def exits():
    return plan(stop=100, target=200, max_bars=20)
'''


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
        ({"threads": 0}, "threads were 0, must be at least 1"),
        ({"slippage": np.array([1.0])}, "must be a factor from 0 on for every account"),
        ({"slippage": np.array([1.0, -1.0])}, "must be a factor from 0 on for every account"),
    ]
    for changed, said in cases:
        asked: dict[str, Any] = {"stretch": [bars], "spans": SPANS, **changed}
        with pytest.raises(ValueError, match=said):
            trials(program, asked.pop("stretch"), sets, terms, asked.pop("spans"), **asked)
