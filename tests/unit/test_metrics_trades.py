"""Trade statistics and breakdowns: by hand, and what holds for any trades."""

from dataclasses import fields, replace
from decimal import ROUND_DOWN, Decimal, localcontext
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from kernels import metrics
from kernels.metrics.breakdowns import CUTS, breakdown, breakdowns
from kernels.metrics.trades import (
    PartsDisagree,
    Trade,
    exposure,
    trade_statistics,
    yearly_turnover,
)
from tests.metrics_samples import HOUR, MIDNIGHT, drawn_trade, trade

D = Decimal
DAY = 24 * HOUR
SUMMED = ("trades", "wins", "profit", "loss", "gross", "fees", "slippage", "funding", "net")
trades_drawn = st.lists(drawn_trade(), max_size=25)

# gross, fees, slippage, funding, net; mae, mfe; bars; hours held
TABLE = [
    ("30", "1", "2", "0.5", "26.5", "-4", "31", 5, 2),
    ("-10", "1", "2", "0", "-13", "-12", "3", 2, 1),
    ("12", "1", "2", "-0.25", "9.25", "-1", "14", 4, 3),
    ("-4", "1", "2", "0", "-7", "-6", "1", 1, 1),
    ("-1", "1", "2", "0", "-4", "-5", "2", 3, 2),
    ("3", "1", "2", "0", "0", "-2", "4", 3, 3),
]


def wilson_by_scipy(wins: int, trades: int) -> tuple[Decimal, Decimal]:
    ends = binomtest(wins, trades).proportion_ci(0.95, method="wilson")
    low, high = (D(end).quantize(metrics.PLACES) for end in ends)
    return low, high


def by_hand() -> list[Trade]:
    made = []
    for n, (*parts, bars, hours) in enumerate(TABLE):
        gross, fees, slippage, funding, net, mae, mfe = map(D, parts)
        entry_at = MIDNIGHT + n * DAY
        made.append(
            trade(
                net,
                gross=gross,
                fees=fees,
                slippage=slippage,
                funding=funding,
                mae=mae,
                mfe=mfe,
                bars=bars,
                entry_at=entry_at,
                exit_at=entry_at + hours * HOUR,
                side=-1 if n == 1 else 1,
            )
        )
    return made


def test_statistics_when_counted_by_hand_then_every_figure_is_that() -> None:
    found = trade_statistics(by_hand())
    assert (found.trades, found.wins, found.losses) == (6, 2, 4)
    assert found.win_rate == D("0.33333333")
    assert (found.win_rate_low, found.win_rate_high) == wilson_by_scipy(2, 6)
    assert (found.profit, found.loss, found.net) == (D("35.75"), D("24"), D("11.75"))
    assert found.profit_factor == D("1.48958333")
    assert (found.gross, found.fees, found.slippage, found.funding) == (30, 6, 12, D("0.25"))
    assert found.expectancy == D("1.95833333")
    assert (found.average_win, found.average_loss) == (D("17.875"), D("6"))
    assert found.payoff_ratio == D("2.97916667")
    assert (found.best, found.worst) == (D("26.5"), D("-13"))
    assert (found.longest_wins, found.longest_losses) == (1, 3)
    assert found.average_mae == D("-5.00000000")
    assert found.average_mfe == D("9.16666667")
    assert found.average_bars == D("3.00000000")
    assert found.average_held_ms == 2 * HOUR
    # a coin at 100, six times; exits at fill prices: 28, −12 (short: bought back at 112), 10, …
    exits = (100 + 28) + (100 + 12) + (100 + 10) + (100 - 6) + (100 - 3) + (100 + 1)
    assert found.turnover == 600 + exits


def test_statistics_when_there_is_no_trade_then_sums_are_zero_and_the_rest_is_none() -> None:
    found = trade_statistics([])
    zero = {*SUMMED, "losses", "turnover", "longest_wins", "longest_losses"}
    for field in fields(found):
        assert getattr(found, field.name) == (0 if field.name in zero else None), field.name


def test_statistics_when_nothing_was_lost_then_ratios_to_the_losses_are_none() -> None:
    found = trade_statistics([trade("5"), trade("7")])
    assert found.profit_factor is found.average_loss is found.payoff_ratio is None
    assert (found.longest_wins, found.longest_losses) == (2, 0)
    lost = trade_statistics([trade("-5"), trade("0")])
    assert lost.average_win is lost.payoff_ratio is None
    assert lost.profit_factor == 0
    assert (lost.longest_wins, lost.longest_losses) == (0, 2)


@pytest.mark.parametrize("counts", [(0, 1), (1, 1), (0, 40), (7, 40), (36, 50), (9999, 10_000)])
def test_wilson_when_computed_by_scipy_then_both_ends_are_equal(counts: tuple[int, int]) -> None:
    assert metrics.wilson(*counts) == wilson_by_scipy(*counts)


def test_trade_when_its_parts_do_not_make_its_net_then_is_refused() -> None:
    with pytest.raises(PartsDisagree, match=r"was 5.00000001, must be gross 5 − fees 0"):
        trade("5.00000001", gross=D(5))


@given(trades_drawn, st.randoms(use_true_random=False))
def test_statistics_when_trades_are_shuffled_then_only_streaks_may_change(
    drawn: list[Trade], random: Random
) -> None:
    shuffled = random.sample(drawn, len(drawn))
    kept = [
        replace(trade_statistics(each), longest_wins=0, longest_losses=0)
        for each in (drawn, shuffled)
    ]
    assert kept[0] == kept[1]
    assert breakdowns(drawn) == breakdowns(shuffled)


@given(trades_drawn)
def test_statistics_when_any_trades_then_parts_sum_to_the_whole(drawn: list[Trade]) -> None:
    found = trade_statistics(drawn)
    assert found.gross - found.fees - found.slippage - found.funding == found.net
    assert found.profit - found.loss == found.net
    assert found.wins + found.losses == found.trades == len(drawn)
    assert found.longest_wins <= found.wins
    assert found.longest_losses <= found.losses
    if found.win_rate_low is not None and found.win_rate_high is not None:
        assert 0 <= found.win_rate_low <= found.wins / D(len(drawn)) + D("1e-8")
        assert found.wins / D(len(drawn)) - D("1e-8") <= found.win_rate_high <= 1
    summary = metrics.summarise([each.net for each in drawn])
    for name in ("trades", "wins", "win_rate", "win_rate_low", "profit_factor", "net"):
        assert getattr(summary, name) == getattr(found, name)


@given(trades_drawn)
def test_statistics_when_the_callers_context_is_coarse_then_figures_stay_exact(
    drawn: list[Trade],
) -> None:
    expected = trade_statistics(drawn), breakdowns(drawn)
    with localcontext(prec=3, rounding=ROUND_DOWN):
        assert (trade_statistics(drawn), breakdowns(drawn)) == expected


@given(trades_drawn, st.integers(2, 9))
def test_statistics_when_all_money_is_multiplied_then_ratios_stay(
    drawn: list[Trade], factor: int
) -> None:
    money = ("gross", "fees", "slippage", "funding", "net", "mae", "mfe", "entry_price")
    scaled = [replace(t, **{name: getattr(t, name) * factor for name in money}) for t in drawn]
    one, many = trade_statistics(drawn), trade_statistics(scaled)
    for name in ("win_rate", "win_rate_low", "win_rate_high", "profit_factor", "payoff_ratio"):
        assert getattr(one, name) == getattr(many, name)
    for name in ("profit", "loss", "gross", "fees", "funding", "net", "turnover"):
        assert getattr(one, name) * factor == getattr(many, name)


@pytest.mark.parametrize("cut", CUTS)
@given(drawn=trades_drawn)
def test_breakdown_when_any_trades_then_its_groups_sum_to_the_whole(
    cut: str, drawn: list[Trade]
) -> None:
    whole, groups = trade_statistics(drawn), breakdown(drawn, CUTS[cut])
    for name in SUMMED:
        assert sum(getattr(group, name) for group in groups) == getattr(whole, name)
    keys = [group.key for group in groups]
    assert keys == sorted(set(keys))
    for group in groups:
        own = [each for each in drawn if CUTS[cut](each) == group.key]
        alone = trade_statistics(own)
        for name in ("win_rate", "win_rate_low", "profit_factor", "expectancy"):
            assert getattr(group, name) == getattr(alone, name)


def test_breakdowns_when_cut_then_each_key_is_the_one_it_says() -> None:
    late = MIDNIGHT + 31 * DAY - HOUR  # 23:00 on the last of January, left in February
    made = [
        trade("5", tag="", reason="stop", regime="ranging"),
        trade("-2", side=-1, symbol="ETH-USDT", entry_at=late),
    ]
    keys = {name: [group.key for group in groups] for name, groups in breakdowns(made).items()}
    assert keys == {
        "tag": ["dip", "no tag"],
        "side": ["long", "short"],
        "reason": ["stop", "target"],
        "symbol": ["BTC-USDT", "ETH-USDT"],
        "hour": ["00", "23"],
        "regime": ["ranging", "unknown"],
        "month": ["2024-01", "2024-02"],
    }
    assert "regime" not in breakdowns([trade("1")])


def test_exposure_when_positions_overlap_then_time_counts_once() -> None:
    start, end = 0, 100
    assert exposure([], start, end) == 0
    assert exposure([(10, 30), (20, 40)], start, end) == D("0.3")
    assert exposure([(20, 40), (10, 60), (70, 200), (-5, 5)], start, end) == D("0.85")
    assert exposure([(0, 10)], 5, 5) is None


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=8))
def test_exposure_when_any_positions_then_is_the_share_of_moments_held(
    drawn: list[tuple[int, int]],
) -> None:
    held = [(entry, entry + length) for entry, length in drawn]
    moments = {at for entry, left in held for at in range(entry, left) if at < 50}
    assert exposure(held, 0, 50) == D(len(moments)) / 50


def test_yearly_turnover_when_half_a_year_then_twice_what_was_turned() -> None:
    assert yearly_turnover(D(34_000), D(17_000), 365 * DAY // 2) == 4
    assert yearly_turnover(D(1), D(17_000), 0) is None
