"""The trading step on hand-drawn candles: what must happen to the tick, and to the 1e-8."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import dtypes as d
from kernels.program import compile_strategy
from kernels.runner import Block, LaneSpec, Runner
from kernels.trades import TradeTape
from tests.kernel_runs import (
    CAPITAL,
    MINUTE,
    NO_BREAKERS,
    START,
    Array,
    bars_of,
    limits,
    market,
    of_kind,
    runner_of,
    walk,
)

# Volume is the script: 2 asks for a long, 3 for a short, anything else for nothing.
SCRIPTED = '''"""Does what the volume says."""
timeframe("1m")
stop = param(10.0, 0.01, 1000000.0)
target = param(20.0, 0.01, 1000000.0)
hold = param(50, 1, 1000)

def entry():
    if volume == 2:
        return long(tag="up")
    if volume == 3:
        return short(tag="down")
    return FLAT

def exits():
    return plan(stop=stop, target=target, max_bars=hold)
'''
PROGRAM = compile_strategy(SCRIPTED, "scripted")
FLAT_BAR = (100.0, 100.0, 100.0, 100.0, 1.0)
LONG_BAR = (100.0, 100.0, 100.0, 100.0, 2.0)
SHORT_BAR = (100.0, 100.0, 100.0, 100.0, 3.0)


def play(
    rows: list[tuple[float, ...]],
    leverage: int = 1,
    costs: Array | None = None,
    bounds: Array | None = None,
    **parameters: float,
) -> tuple[Block, Runner]:
    runner = runner_of(PROGRAM, (leverage,), costs, bounds, **parameters)
    return runner.run(bars_of(rows), [0]), runner


def only_trade(block: Block) -> Array:
    closed = of_kind(block, d.CLOSED)
    assert len(closed) == 1
    trade: Array = closed[0]
    return trade


def test_entry_when_signalled_then_fills_at_the_next_open_with_slippage_against_it() -> None:
    block, _ = play(
        [LONG_BAR, (101.0, 102.0, 100.5, 101.0)], costs=market(slippage=0.001, taker=0.0005)
    )
    (signal,), (order,), (fill,) = (of_kind(block, k) for k in (d.SIGNAL, d.ORDER, d.FILL))
    assert (signal[d.BAR_INDEX], signal[d.A], signal[d.G]) == (0, 1, 10_000)
    assert (order[d.BAR_INDEX], order[d.AT_CLOSE], order[d.A], order[d.C]) == (0, 1, 1, 850_000)
    assert (fill[d.BAR_INDEX], fill[d.AT_CLOSE], fill[d.D], fill[d.E]) == (1, 0, 10_111, 10_100)
    assert fill[d.G] == 11 * 850_000 * 10  # eleven ticks of slippage on 8.5 BTC
    assert fill[d.F] == math.floor(10_111 * 850_000 * 10 * 0.0005 + 0.5)


def test_stop_when_touched_then_fills_at_its_level_as_taker() -> None:
    block, _ = play([LONG_BAR, FLAT_BAR, (99.0, 99.0, 90.0, 95.0)], costs=market(slippage=0.001))
    trade = only_trade(block)
    assert trade[d.C] == 10_010  # 100.00 × 1.001, no tick lost to rounding
    assert trade[d.M] == d.STOP
    assert trade[d.D] == math.floor((10_010 - 1_000) * 0.999)
    fill = of_kind(block, d.FILL)[1]
    assert (fill[d.E], fill[d.H]) == (9_010, 1)


def test_stop_when_gapped_through_then_fills_at_the_open() -> None:
    trade = only_trade(play([LONG_BAR, FLAT_BAR, (80.0, 81.0, 79.0, 80.0)])[0])
    assert (trade[d.M], trade[d.D]) == (d.STOP, 8_000)


def test_target_when_only_touched_then_does_not_fill() -> None:
    block, runner = play([LONG_BAR, FLAT_BAR, (110.0, 120.0, 110.0, 119.0)])
    assert len(of_kind(block, d.CLOSED)) == 0
    assert runner.account(0)["position"] == 850_000


def test_target_when_traded_through_then_fills_as_maker_without_slippage() -> None:
    costs = market(slippage=0.0, maker=0.0002, taker=0.0005)
    block, _ = play([LONG_BAR, FLAT_BAR, (110.0, 120.01, 110.0, 119.0)], costs=costs)
    trade, fill = only_trade(block), of_kind(block, d.FILL)[1]
    assert (trade[d.M], trade[d.D], fill[d.H]) == (d.TARGET, 12_000, 0)
    assert fill[d.F] == 12_000 * 850_000 * 10 * 0.0002


def test_bar_when_it_spans_stop_and_target_then_the_stop_is_taken() -> None:
    trade = only_trade(play([LONG_BAR, FLAT_BAR, (100.0, 150.0, 50.0, 100.0)])[0])
    assert trade[d.M] == d.STOP


def test_position_when_held_for_its_time_then_leaves_at_the_next_open() -> None:
    block, _ = play([LONG_BAR, FLAT_BAR, FLAT_BAR, FLAT_BAR, (101.0, 101.0, 101.0, 101.0)], hold=3)
    trade = only_trade(block)
    assert (trade[d.M], trade[d.L], trade[d.BAR_INDEX], trade[d.D]) == (d.TIME_LIMIT, 3, 4, 10_100)


def test_signal_when_it_turns_against_the_position_then_reverses_at_the_next_open() -> None:
    block, runner = play([LONG_BAR, FLAT_BAR, SHORT_BAR, (101.0, 101.0, 101.0, 101.0)])
    assert only_trade(block)[d.M] == d.REVERSE
    assert runner.account(0)["position"] < 0
    assert [o[d.B] for o in of_kind(block, d.ORDER)] == [d.ENTRY, d.REVERSE, d.ENTRY]


def test_signal_when_it_stays_then_is_raised_once_and_again_after_flat() -> None:
    block, _ = play([LONG_BAR, LONG_BAR, LONG_BAR, FLAT_BAR, LONG_BAR])
    assert list(of_kind(block, d.SIGNAL)[:, d.BAR_INDEX]) == [0, 4]


def test_funding_when_a_long_holds_through_it_then_pays_and_a_short_receives() -> None:
    for first, sign in ((LONG_BAR, 1), (SHORT_BAR, -1)):
        rows = [first, FLAT_BAR, (*FLAT_BAR, 0.0001), FLAT_BAR]
        block, runner = play(rows, costs=market(perpetual=1))
        (funded,) = of_kind(block, d.FUNDED)
        assert funded[d.B] == sign * 10_000 * 850_000 * 10 * 0.0001
        assert runner.account(0)["cash"] == CAPITAL - funded[d.B]


def test_funding_when_the_entry_fills_at_that_open_then_is_not_paid() -> None:
    block, _ = play([LONG_BAR, (*FLAT_BAR, 0.0001)], costs=market(perpetual=1))
    assert len(of_kind(block, d.FUNDED)) == 0


@pytest.mark.parametrize(
    ("first", "price", "bankrupt"), [(LONG_BAR, 87.9, 8_750), (SHORT_BAR, 112.0, 11_250)]
)
def test_liquidation_when_nearer_than_the_stop_then_costs_the_margin(
    first: tuple[float, ...], price: float, bankrupt: int
) -> None:
    row = (100.0, max(price, 100.0), min(price, 100.0), 100.0)
    block, runner = play([first, FLAT_BAR, row], leverage=8, stop=50.0)
    trade = only_trade(block)
    assert (trade[d.M], trade[d.D]) == (d.LIQUIDATION, bankrupt)
    assert trade[d.I] == -CAPITAL * 0.05  # the margin: five per cent of equity
    assert runner.account(0)["cash"] == CAPITAL * 0.95
    assert len(of_kind(block, d.LIQUIDATED)) == 1


def test_liquidation_when_the_stop_is_nearer_then_the_stop_is_taken() -> None:
    trade = only_trade(play([LONG_BAR, FLAT_BAR, (100.0, 100.0, 80.0, 85.0)], leverage=8)[0])
    assert (trade[d.M], trade[d.D]) == (d.STOP, 9_000)


def test_liquidation_when_long_without_leverage_then_never_happens() -> None:
    block, _ = play([LONG_BAR, FLAT_BAR, (100.0, 100.0, 0.01, 0.01)], stop=1_000_000.0)
    assert len(of_kind(block, d.LIQUIDATED)) == 0


def test_daily_loss_when_reached_then_blocks_entries_until_the_day_ends_and_never_exits() -> None:
    rows = [LONG_BAR, FLAT_BAR, (60.0, 60.0, 60.0, 60.0), (60.0, 60.0, 60.0, 60.0, 3.0)]
    rows += [(60.0, 60.0, 60.0, 60.0)] * (1440 - len(rows)) + [(60.0, 60.0, 60.0, 60.0, 2.0)]
    bounds = limits(enforced=True, **(NO_BREAKERS | {"daily_loss": 300e8}))
    block, _ = play(rows, bounds=bounds, stop=90.0, target=90.0, hold=10)
    (tripped,), (cleared,) = of_kind(block, d.TRIPPED), of_kind(block, d.CLEARED)
    assert (tripped[d.BAR_INDEX], tripped[d.C]) == (2, 40 * 100 * 850_000 * 10)
    assert tripped[d.D] == START + 1440 * MINUTE
    (refused,) = of_kind(block, d.REFUSED)
    assert (refused[d.BAR_INDEX], refused[d.A]) == (3, d.DAILY_LOSS)
    assert [t[d.M] for t in of_kind(block, d.CLOSED)] == [d.REVERSE]  # the exit was not blocked
    assert cleared[d.BAR_INDEX] == 1440
    assert of_kind(block, d.ORDER)[-1][d.BAR_INDEX] == 1440  # entries are on again


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"margin_fraction": 0.04}, d.MARGIN_FRACTION),
        ({"notional_multiple": 0.39}, d.NOTIONAL),
    ],
)
def test_entry_when_it_exceeds_a_limit_then_is_refused_with_both_figures(
    changes: dict[str, float], code: int
) -> None:
    block, _ = play(
        [LONG_BAR, FLAT_BAR], leverage=8, bounds=limits(enforced=True, **(NO_BREAKERS | changes))
    )
    (refused,) = of_kind(block, d.REFUSED)
    assert refused[d.A] == code
    assert refused[d.C] > refused[d.B]
    assert len(of_kind(block, d.FILL)) == 0


def test_entry_when_equity_outgrows_the_margin_of_a_trade_then_is_sized_to_it() -> None:
    bounds = limits(enforced=True, margin_absolute=500e8)
    block, _ = play([LONG_BAR, FLAT_BAR], leverage=8, bounds=bounds)
    assert len(of_kind(block, d.REFUSED)) == 0
    assert of_kind(block, d.FILL)[0][d.C] == 4_000_000  # 500 × 8 at 100, in lots of 1e-5


def test_stop_when_the_plan_later_has_none_then_stays_where_it_is() -> None:
    text = SCRIPTED.replace(
        "    return plan(stop=stop,", "    return plan(stop=stop if position.bars < 1 else -1,"
    )
    runner = runner_of(compile_strategy(text, "dropped"))
    runner.run(bars_of([LONG_BAR, FLAT_BAR, FLAT_BAR, FLAT_BAR]), [0])
    assert runner.account(0)["stop"] == 9_000


def test_entry_when_whole_lots_fall_below_the_venue_minimum_then_is_refused() -> None:
    rows = [(100.03, 100.03, 100.03, 100.03, 2.0), (100.03, 100.03, 100.03, 100.03, 1.0)]
    block, _ = play(rows, costs=market(min_notional=850e8))
    (refused,) = of_kind(block, d.REFUSED)
    assert (refused[d.A], refused[d.C]) == (d.MINIMUM, 849_745 * 10_003 * 10)


def test_account_when_it_cannot_carry_the_smallest_order_then_is_ruined_once() -> None:
    costs = market(min_notional=841e8)  # sizing puts up five per cent: 840
    rows = [FLAT_BAR, FLAT_BAR]
    runner = Runner(PROGRAM, {}, costs, MINUTE, [LaneSpec(1, 16_800e8, limits())])
    block = runner.run(bars_of([*rows, LONG_BAR, FLAT_BAR]), [0])
    (ruined,) = of_kind(block, d.RUINED)
    assert (ruined[d.BAR_INDEX], ruined[d.A], ruined[d.B]) == (0, 16_800e8, 16_820e8)
    assert len(of_kind(block, d.ORDER)) == 0


def test_control_when_entries_are_off_then_withdraws_the_pending_entry_and_keeps_exits() -> None:
    runner = runner_of(PROGRAM)
    bars = bars_of([LONG_BAR, FLAT_BAR, FLAT_BAR])
    runner.run(bars[:1], [0])
    block = runner.run(bars[1:], [d.ENTRIES_OFF])
    (cancelled,) = of_kind(block, d.CANCELLED)
    assert (cancelled[d.A], cancelled[d.B]) == (d.WITHDRAWN, d.ENTRY)
    assert len(of_kind(block, d.FILL)) == 0


def test_control_when_flattened_then_closes_at_the_next_open() -> None:
    runner = runner_of(PROGRAM)
    bars = bars_of([LONG_BAR, FLAT_BAR, (101.0, 101.0, 101.0, 101.0)])
    runner.run(bars[:2], [0])
    trade = only_trade(runner.run(bars[2:], [d.ENTRIES_OFF | d.FLATTEN]))
    assert (trade[d.M], trade[d.D], trade[d.AT_CLOSE]) == (d.OPERATOR, 10_100, 0)


def test_pending_exit_when_a_level_is_passed_first_then_is_cancelled() -> None:
    block, _ = play([LONG_BAR, FLAT_BAR, (80.0, 80.0, 80.0, 80.0)], hold=1)
    assert [c[d.B] for c in of_kind(block, d.CANCELLED)] == [d.TIME_LIMIT]
    assert only_trade(block)[d.M] == d.STOP


def test_equity_when_hours_pass_then_is_marked_once_an_hour() -> None:
    block, _ = play([FLAT_BAR] * 185)
    assert list(of_kind(block, d.MARKED)[:, d.BAR_INDEX]) == [59, 119, 179]


COSTS = market(slippage=0.0003, maker=0.0002, taker=0.0005, perpetual=1)


def traded(seed: int, leverage: int, bounds: Array | None = None) -> tuple[Array, Block, Runner]:
    bars = walk(3000, seed)
    bars["volume"] = np.random.default_rng(seed).integers(1, 9, len(bars))
    bars["funding"][::480] = 0.0001
    runner = runner_of(PROGRAM, (leverage,), COSTS, bounds, stop=60.0, target=90.0, hold=20)
    return bars, runner.run(bars, [0]), runner


@given(seed=st.integers(0, 10_000), leverage=st.sampled_from([1, 3, 8]))
def test_trades_when_summed_then_parts_equal_the_whole_to_the_last_unit(
    seed: int, leverage: int
) -> None:
    _, block, runner = traded(seed, leverage)
    closed = of_kind(block, d.CLOSED)
    assert len(closed) > 50
    assert (
        closed[:, d.E] - closed[:, d.F] - closed[:, d.G] - closed[:, d.H] == closed[:, d.I]
    ).all()
    account = runner.account(0)
    open_costs = account["fees"] + account["funding"] if account["position"] else 0.0
    assert account["cash"] == CAPITAL + closed[:, d.I].sum() - open_costs
    assert account["trades"] == len(closed)
    assert account["wins"] == (closed[:, d.I] > 0).sum()
    assert account["profit"] - account["loss"] == closed[:, d.I].sum()
    assert account["profit"] == closed[closed[:, d.I] > 0, d.I].sum()
    for name, column in (("all_fees", d.F), ("all_slippage", d.G), ("all_funding", d.H)):
        assert account[name] == closed[:, column].sum()
    money = np.concatenate(
        [closed[:, d.E : d.L].ravel(), of_kind(block, d.FILL)[:, d.F : d.H].ravel()]
    )
    assert (money == np.floor(money)).all()
    assert (closed[:, d.J] <= np.minimum(closed[:, d.E], 0)).all()
    assert (closed[:, d.K] >= np.maximum(closed[:, d.E], 0)).all()


@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(1, 2999), max_size=6, unique=True))
def test_run_when_cut_anywhere_then_gives_the_same_bytes(seed: int, cuts: list[int]) -> None:
    bars, whole, reference = traded(seed, 8)
    resumed = runner_of(PROGRAM, (8,), COSTS, None, stop=60.0, target=90.0, hold=20)
    tapes = TradeTape(MINUTE), TradeTape(MINUTE)
    tapes[0].add(whole.records[0], bars["timestamp"])
    edges = [0, *sorted(cuts), len(bars)]
    for start, end in itertools.pairwise(edges):
        part = bars[start:end]
        tapes[1].add(resumed.run(part, [0]).records[0], part["timestamp"])
        state = resumed.state()
        resumed = runner_of(PROGRAM, (8,), COSTS, None, stop=60.0, target=90.0, hold=20)
        resumed.restore(state)
    assert resumed.digest() == reference.digest()
    assert tapes[0].digest() == tapes[1].digest()
    assert tapes[0].trades().tobytes() == tapes[1].trades().tobytes()


@given(seed=st.integers(0, 1000))
def test_limits_when_enforced_then_no_fill_follows_a_trip_that_day(seed: int) -> None:
    bars, block, _ = traded(seed, 8, limits(enforced=True, daily_loss=60e8))
    tripped = of_kind(block, d.TRIPPED)
    for trip in tripped:
        for order in of_kind(block, d.ORDER):
            if order[d.B] == d.ENTRY and order[d.BAR_INDEX] >= trip[d.BAR_INDEX]:
                assert bars["timestamp"][int(order[d.BAR_INDEX])] + MINUTE > trip[d.D]


def test_signals_when_a_block_is_long_then_name_their_strategy_bar() -> None:
    bars = bars_of([LONG_BAR if i % 1000 == 0 else FLAT_BAR for i in range(9001)])
    block = runner_of(PROGRAM).run(bars, [0])
    signals = of_kind(block, d.SIGNAL)
    assert list(signals[:, d.D]) == list(signals[:, d.BAR_INDEX]) == list(range(0, 9001, 1000))


@pytest.mark.parametrize("name", ["open", "close", "volume", "funding"])
def test_runner_when_a_figure_is_no_number_then_refuses_the_bar_by_name(name: str) -> None:
    bars = bars_of([FLAT_BAR, FLAT_BAR])
    bars[name][1] = math.nan
    with pytest.raises(ValueError, match=f"{name} of the bar at {START + MINUTE} was nan"):
        runner_of(PROGRAM).run(bars, [0])


def test_restore_when_state_has_another_shape_then_is_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        runner_of(PROGRAM).restore(b"\0" * 8)


def test_runner_when_base_bars_do_not_divide_the_timeframe_then_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of the base"):
        Runner(PROGRAM, {}, market(), 5 * MINUTE, [])


ODD = """timeframe("1m")
def entry():
    if volume == 2:
        return long(tag="up", confidence=close / 0)
    if volume == 3:
        return short(tag="down", confidence=0 / 0)
    return FLAT
def exits():
    if open > 150:
        return plan(stop=close / 0)
    if open > 120:
        return plan(stop=close * 1e15 * 1e15)
    return plan(stop=5, target=close / 0)
"""


def test_plan_when_a_distance_is_not_finite_then_refuses_the_stop_and_drops_the_target() -> None:
    program = compile_strategy(ODD, "odd")
    for price, asked in itertools.product((100.0, 130.0, 200.0), (2.0, 3.0)):
        bar = (price, price, price, price)
        block = runner_of(program).run(bars_of([(*bar, asked), bar, bar]), [0])
        (signal,) = of_kind(block, d.SIGNAL)
        assert signal[d.B] == (1.0 if asked == 2.0 else 0.0)  # confidence, kept within 0 … 1
        if price > 100.0:
            assert [r[d.A] for r in of_kind(block, d.REFUSED)] == [d.STOP_MISSING]
        else:
            (opened,) = of_kind(block, d.OPENED)
            assert math.isnan(opened[d.E])
            assert math.isfinite(opened[d.D])


def test_account_when_equity_is_nothing_then_is_ruined_with_a_finite_figure() -> None:
    runner = Runner(PROGRAM, {}, market(), MINUTE, [LaneSpec(8, 0.0, limits(enforced=True))])
    (ruined,) = of_kind(runner.run(bars_of([FLAT_BAR]), [0]), d.RUINED)
    assert (ruined[d.A], ruined[d.B]) == (0.0, 5e8 / (8 * 0.05))


def test_runner_when_bars_are_older_than_the_epoch_then_refuses_them() -> None:
    with pytest.raises(ValueError, match="1970"):
        runner_of(PROGRAM).run(bars_of([FLAT_BAR], start=-MINUTE), [0])
