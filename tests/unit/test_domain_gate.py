"""The gate: which histories go live, and that the verdict says why."""

from decimal import Decimal, getcontext, localcontext

from hypothesis import given
from hypothesis import strategies as st

from domain.gate import Gate, Tally, add, judge, wilson_low
from kernels import metrics

MONEY = st.integers(-(10**11), 10**11).map(lambda units: Decimal(units).scaleb(-8))
WINNER = Tally(trades=50, wins=36, profit=Decimal(1500), loss=Decimal(500))


def codes(tally: Tally, nets: tuple[Decimal, ...] = (), ruined: bool = False) -> list[str]:
    return [f.code for f in judge(tally, nets, Gate(), 1, ruined).failures]


def test_gate_when_every_leg_holds_then_passes_and_records_each_figure() -> None:
    verdict = judge(WINNER, (), Gate(), 3, False)
    assert verdict.passed
    assert verdict.failures == ()
    assert (verdict.trades, verdict.wins, verdict.open_trades, verdict.attempts) == (50, 36, 0, 3)
    assert verdict.win_rate == Decimal("0.72000000")
    assert verdict.win_rate_low == Decimal("0.58334876")
    assert verdict.profit_factor == Decimal("3.00000000")
    assert verdict.net == Decimal(1000)


def test_gate_when_one_leg_is_a_hair_short_then_only_that_leg_fails() -> None:
    hair = Decimal("0.00000001")
    assert codes(Tally(49, 36, Decimal(1500), Decimal(500))) == ["GATE_TRADES"]
    assert codes(Tally(100, 71, Decimal(1500), Decimal(500))) == []
    assert codes(Tally(100, 70, Decimal(1500), Decimal(500))) == ["GATE_WIN_RATE"]
    assert codes(Tally(50, 36, Decimal(1800), Decimal(1000))) == []
    assert codes(Tally(50, 36, Decimal(1800) - hair, Decimal(1000))) == ["GATE_PROFIT_FACTOR"]
    assert codes(Tally(50, 36, Decimal(600), Decimal(100) + hair)) == ["GATE_NET"]
    assert codes(WINNER, ruined=True) == ["GATE_RUINED"]


def test_gate_when_there_is_no_trade_then_every_figure_but_net_is_none() -> None:
    verdict = judge(Tally(), (), Gate(), 0, False)
    assert not verdict.passed
    assert (verdict.win_rate, verdict.win_rate_low, verdict.profit_factor) == (None, None, None)
    assert [f.code for f in verdict.failures] == [
        "GATE_TRADES",
        "GATE_WIN_RATE",
        "GATE_PROFIT_FACTOR",
        "GATE_NET",
    ]


def test_gate_when_there_is_no_loss_then_profit_factor_passes_and_is_none() -> None:
    verdict = judge(Tally(50, 50, Decimal(500), Decimal(0)), (), Gate(), 1, False)
    assert verdict.passed
    assert verdict.profit_factor is None


def test_gate_when_a_losing_trade_is_kept_open_then_it_counts_as_lost() -> None:
    verdict = judge(WINNER, (Decimal(-600), Decimal(0)), Gate(), 1, False)
    assert (verdict.trades, verdict.wins, verdict.open_trades) == (52, 36, 2)
    assert verdict.net == Decimal(400)
    assert {f.code for f in verdict.failures} == {"GATE_WIN_RATE", "GATE_PROFIT_FACTOR", "GATE_NET"}


@given(st.lists(MONEY, max_size=60), st.lists(MONEY, max_size=3))
def test_gate_when_trades_come_in_any_order_then_figures_are_sums_of_their_nets(
    nets: list[Decimal], open_nets: list[Decimal]
) -> None:
    tally = Tally()
    for net in nets:
        tally = add(tally, net)
    verdict = judge(tally, tuple(open_nets), Gate(), 1, False)
    every = [*nets, *open_nets]
    assert verdict.net == sum(every, Decimal(0))
    assert verdict.wins == sum(net > 0 for net in every)
    assert verdict.trades == len(every)
    assert verdict.passed == (not verdict.failures)


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_low_when_any_count_then_equals_the_metrics_definition(
    counts: tuple[int, int],
) -> None:
    assert wilson_low(*counts) == metrics.wilson_low(*counts)


def test_verdict_when_the_callers_decimal_context_is_poor_then_is_the_same() -> None:
    before = judge(WINNER, (Decimal("1.23456789"),), Gate(), 1, False)
    with localcontext(getcontext()) as context:
        context.prec = 3
        assert judge(WINNER, (Decimal("1.23456789"),), Gate(), 1, False) == before
