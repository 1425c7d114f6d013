"""How far a Sharpe ratio is believed, the quality score, and the verdict with its reasons."""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from domain import gate
from kernels.metrics.curve import DailyCurve, curve_statistics
from kernels.metrics.quality import WEIGHTS, quality
from kernels.metrics.readiness import Bar, Readiness, readiness
from kernels.metrics.sharpe import believed, evidence, expected_best, probabilistic_sharpe
from kernels.metrics.trades import trade_statistics
from tests.metrics_samples import Array, curve_of, midnights, trade

D = Decimal
GATE = gate.Gate()
BAR = Bar(
    trades=GATE.trades, win_rate=GATE.win_rate, profit_factor=GATE.profit_factor, net=GATE.net
)
nets_drawn = st.lists(st.decimals(-50, 100, places=8), max_size=80)
SOUND: dict[str, Any] = {
    "probabilistic_sharpe": 0.99,
    "drawdown": 0.05,
    "days": 100,
    "ruined": False,
}


def returns_of(count: int, seed: int, drift: float = 0.002) -> Array:
    equity = curve_of(count, seed, drift)
    moved: Array = equity[1:] / equity[:-1] - 1.0
    return moved


def test_probabilistic_sharpe_when_the_example_of_its_paper_then_is_its_result() -> None:
    # Bailey and López de Prado (2012): 24 months, monthly ratio 0.458, skewness −2.448, kurtosis
    # 10.164: 0.913; taken for normal returns, 0.982
    assert believed(0.458, 0.0, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)
    assert believed(0.458, 0.0, 24, 0.0, 3.0) == pytest.approx(0.982, abs=5e-4)


def test_deflated_sharpe_when_the_example_of_its_paper_then_is_its_result() -> None:
    # Bailey and López de Prado (2014): 5 years of 250 days, yearly ratio 2.5, the best of 100 with
    # a yearly variance of 1/2, skewness −3, kurtosis 10: SR0 0.1132 and 0.9004
    best = expected_best(100, 0.5 / 250)
    assert best == pytest.approx(0.1132, abs=5e-5)
    assert believed(2.5 / math.sqrt(250), best, 1250, -3, 10) == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize("seed", range(5))
def test_probabilistic_sharpe_when_computed_by_scipy_then_is_equal(seed: int) -> None:
    returns = returns_of(300, seed)
    ratio = returns.mean() / returns.std(ddof=1)
    error = 1 - stats.skew(returns) * ratio + (stats.kurtosis(returns) + 2) / 4 * ratio**2
    expected = stats.norm.cdf((ratio - 0.01) * math.sqrt(299 / error))
    assert probabilistic_sharpe(returns, 0.01) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("trials", "variance"), [(2, 0.01), (10, 0.5), (10**6, 2.0)])
def test_expected_best_when_computed_by_scipy_then_is_equal(trials: int, variance: float) -> None:
    gamma = np.euler_gamma
    expected = math.sqrt(variance) * (
        (1 - gamma) * stats.norm.isf(1 / trials) + gamma * stats.norm.isf(1 / trials / math.e)
    )
    assert expected_best(trials, variance) == pytest.approx(expected, rel=1e-9)


def test_evidence_when_nothing_was_chosen_from_then_nothing_is_deflated() -> None:
    found = evidence(returns_of(100, 1))
    assert found.expected_best == 0.0
    assert found.deflated == found.probabilistic is not None
    assert found.trial_variance == 1 / 99


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.floats(0.0, 1.0))
def test_evidence_when_more_was_tried_then_less_is_believed(
    some: int, more: int, variance: float
) -> None:
    fewer, many = sorted((some, more))
    returns = returns_of(200, 4)
    one, other = (evidence(returns, trials, variance) for trials in (fewer, many))
    assert one.deflated is not None
    assert other.deflated is not None
    assert 0.0 <= other.deflated <= one.deflated <= 1.0
    assert one.probabilistic == other.probabilistic


def test_evidence_when_there_are_no_returns_then_probabilities_are_none() -> None:
    for returns in (None, np.empty(0), np.zeros(1), np.zeros(50)):
        found = evidence(returns, 10)
        assert found.probabilistic is found.deflated is found.daily_sharpe is None
    two_points = np.array([0.1, -0.1] * 4)
    assert probabilistic_sharpe(two_points) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("trials", "variance", "message"),
    [
        (0, None, "trials was 0, must be at least 1"),
        (2, -0.1, "trial variance was -0.1, must be finite and at least 0"),
        (2, math.nan, "trial variance was nan, must be finite"),
        (2, math.inf, "trial variance was inf, must be finite"),
    ],
)
def test_evidence_when_the_trials_are_impossible_then_is_refused_by_name(
    trials: int, variance: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evidence(returns_of(10, 1), trials, variance)


# The score


def scored(nets: list[Decimal], equity: Array, trials: int = 1) -> Any:
    curve = DailyCurve(midnights(len(equity)), equity)
    statistics = trade_statistics([trade(net) for net in nets])
    return quality(statistics, curve_statistics(curve), evidence(curve.returns(), trials))


def test_quality_when_scored_by_hand_then_every_component_is_that() -> None:
    equity = np.array([100.0, 110.0, 99.0, 120.0, 118.0])
    nets = [D(3)] * 30 + [D(-3)] * 20
    found = {part.name: part for part in scored(nets, equity).components}
    assert found["trades"].score == 0.5
    assert found["profit_factor"].score == pytest.approx(1 - 1 / 1.5)
    gained = 1.18 ** (365 / 4) - 1
    assert found["calmar"].score == pytest.approx(gained / (gained + 0.1))
    low = stats.binomtest(30, 50).proportion_ci(0.95, method="wilson").low
    assert found["win_rate_low"].score == pytest.approx((low - 0.25) / 0.5)
    assert found["deflated_sharpe"].score == found["deflated_sharpe"].figure
    total = scored(nets, equity)
    assert total.score == pytest.approx(sum(p.score * WEIGHTS[p.name] for p in total.components))
    assert sum(WEIGHTS.values()) == 100


@given(nets_drawn, st.lists(st.floats(1, 1000), min_size=1, max_size=20))
def test_quality_when_any_run_then_lies_between_0_and_100(
    nets: list[Decimal], equity: list[float]
) -> None:
    found = scored(nets, np.array(equity))
    assert 0.0 <= found.score <= 100.0
    assert all(0.0 <= part.score <= 1.0 for part in found.components)


def test_quality_when_there_was_no_trade_then_is_zero() -> None:
    assert scored([], np.full(10, 100.0)).score == 0.0


@given(nets_drawn.filter(bool), st.sampled_from(["win", "trials", "longer"]))
def test_quality_when_one_figure_is_better_then_is_no_lower(nets: list[Decimal], what: str) -> None:
    equity = curve_of(60, 7, drift=0.004)
    before = scored(nets, equity, trials=20).score
    if what == "win":
        after = scored([abs(net) + 1 for net in nets], equity, trials=20).score
    elif what == "trials":
        after = scored(nets, equity, trials=5).score
    else:
        after = scored(nets * 2, equity, trials=20).score
    assert after >= before - 1e-9


# The verdict


def codes(found: Readiness) -> list[str]:
    return [shortfall.code for shortfall in found.shortfalls]


def test_readiness_when_all_is_reached_then_is_ready_without_reasons() -> None:
    nets = [D(30)] * 40 + [D(-10)] * 10
    assert readiness(nets, BAR, **SOUND) == Readiness(ready=True, shortfalls=())


@pytest.mark.parametrize(
    ("changes", "code", "required", "observed"),
    [
        ({"probabilistic_sharpe": 0.949}, "READY_SHARPE", 0.95, 0.949),
        ({"probabilistic_sharpe": None}, "READY_SHARPE", 0.95, None),
        ({"drawdown": 0.201}, "READY_DRAWDOWN", 0.20, 0.201),
        ({"drawdown": None}, "READY_DRAWDOWN", 0.20, None),
        ({"days": 29}, "READY_DAYS", 30, 29),
        ({"ruined": True}, "GATE_RUINED", 0, 1),
    ],
)
def test_readiness_when_one_thing_is_missing_then_that_is_the_reason(
    changes: dict[str, Any], code: str, required: float, observed: float | None
) -> None:
    nets = [D(30)] * 40 + [D(-10)] * 10
    found = readiness(nets, BAR, **SOUND | changes)
    assert not found.ready
    (reason,) = found.shortfalls
    assert (reason.code, reason.required, reason.observed) == (code, required, observed)


def test_readiness_when_just_at_the_bar_then_is_ready() -> None:
    edge = {"probabilistic_sharpe": 0.95, "drawdown": 0.20, "days": 30, "ruined": False}
    assert readiness([D(30)] * 40 + [D(-10)] * 10, BAR, **edge).ready


@given(nets_drawn)
def test_readiness_when_any_trades_then_their_reasons_are_those_of_the_gate(
    nets: list[Decimal],
) -> None:
    tally = gate.Tally()
    for net in nets:
        tally = gate.add(tally, net)
    verdict = gate.judge(tally, [], GATE, attempts=1, ruined=False)
    found = readiness(nets, BAR, **SOUND)
    assert [(f.code, f.required, f.observed) for f in verdict.failures] == [
        (s.code, s.required, s.observed) for s in found.shortfalls
    ]
    assert found.ready is verdict.passed


def test_readiness_when_the_bar_is_another_then_it_is_judged_by_that() -> None:
    low = replace(BAR, trades=1, win_rate=D(0), profit_factor=D(0), net=D(-100))
    assert readiness([D(1)], low, **SOUND).ready
    assert codes(readiness([D(1)], BAR, **SOUND)) == ["GATE_TRADES", "GATE_NET"]
