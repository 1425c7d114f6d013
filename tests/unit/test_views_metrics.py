"""The figures of closed trades: one definition, exact, the same as the gate's."""

from decimal import ROUND_DOWN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import gate
from kernels import metrics

nets = st.lists(st.decimals(-10_000, 10_000, places=8), max_size=60)


def test_summary_when_no_trades_then_ratios_are_none_and_sums_zero() -> None:
    summary = metrics.summarise([])
    assert (summary.trades, summary.wins, summary.net) == (0, 0, Decimal(0))
    assert summary.win_rate is summary.win_rate_low is summary.profit_factor is None


def test_summary_when_net_is_zero_then_it_is_a_loss() -> None:
    summary = metrics.summarise([Decimal("3.00"), Decimal(0)])
    assert (summary.trades, summary.wins) == (2, 1)
    assert summary.win_rate == Decimal("0.50000000")
    assert summary.profit_factor is None


def test_summary_when_wins_and_losses_then_each_figure_by_hand() -> None:
    summary = metrics.summarise([Decimal("30.5"), Decimal(-10), Decimal("9.5"), Decimal(-6)])
    assert summary.profit == Decimal("40.0")
    assert summary.loss == Decimal(16)
    assert summary.profit_factor == Decimal("2.50000000")
    assert summary.net == Decimal("24.0")


def test_wilson_when_71_percent_of_50_then_the_published_bound() -> None:
    # 36 of 50: centre (p + z²/2n) / (1 + z²/n), by an independent calculator 0.5833
    assert metrics.wilson_low(36, 50) == Decimal("0.58334876")
    assert metrics.wilson_low(0, 10) == Decimal("0E-8")


@pytest.mark.parametrize(("wins", "trades"), [(-1, 5), (6, 5)])
def test_wilson_when_wins_are_impossible_then_refused_by_name(wins: int, trades: int) -> None:
    with pytest.raises(ValueError, match=f"wins was {wins}, must be 0–{trades}"):
        metrics.wilson_low(wins, trades)


@given(nets)
def test_summary_when_any_trades_then_it_equals_what_the_gate_judges_by(
    given_nets: list[Decimal],
) -> None:
    tally = gate.Tally()
    for net in given_nets:
        tally = gate.add(tally, net)
    verdict = gate.judge(tally, (), gate.Gate(), attempts=1, ruined=False)
    summary = metrics.summarise(given_nets)
    assert (summary.trades, summary.wins, summary.net) == (
        verdict.trades,
        verdict.wins,
        verdict.net,
    )
    assert summary.win_rate == verdict.win_rate
    assert summary.win_rate_low == verdict.win_rate_low
    assert summary.profit_factor == verdict.profit_factor


@given(nets)
def test_summary_when_callers_context_is_coarse_then_figures_stay_exact(
    given_nets: list[Decimal],
) -> None:
    expected = metrics.summarise(given_nets)
    with localcontext(prec=3, rounding=ROUND_DOWN):
        assert metrics.summarise(given_nets) == expected
    assert expected.net == sum(given_nets, Decimal(0))


@given(st.lists(st.decimals(0, 1_000_000, places=8), max_size=40))
def test_drawdown_when_any_equities_then_it_is_the_deepest_of_all_pairs(
    equities: list[Decimal],
) -> None:
    falls = [earlier - later for i, earlier in enumerate(equities) for later in equities[i + 1 :]]
    assert metrics.max_drawdown(equities) == max([Decimal(0), *falls])
