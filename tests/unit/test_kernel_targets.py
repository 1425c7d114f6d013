"""Partial targets on hand-drawn bars: what closes where, and that the parts are the whole."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.replay import reproduce
from application.trading import StrategySource
from domain.portfolio.events import BreakerTripped, OrderFilled, PositionClosed
from domain.portfolio.safety import DISAGREEMENT
from kernels import dtypes as d
from kernels.program import compile_strategy
from kernels.runner import Block, Runner
from tests.kernel_runs import CAPITAL, Array, bars_of, market, of_kind, runner_of
from tests.trading_fakes import random_bars
from tests.trading_homes import Home

# Volume is the script: 2 asks for a long, 3 for a short, anything else for nothing.
HEAD = """timeframe("1m")
size = param(850.0, 0.001, 10000.0)
sizing("notional", size)
stop = param(10.0, 0.01, 1000.0)
first = param(10.0, 0.01, 1000.0)
second = param(20.0, 0.01, 1000.0)
third = param(30.0, 0.01, 1000.0)
part = param(0.5, 0.01, 0.99)
another = param(0.25, 0.01, 0.99)
hold = param(1000, 1, 1000)
def entry():
    if volume == 2:
        return long(tag="up")
    if volume == 3:
        return short(tag="down")
    return FLAT
def exits():
"""
PLAN = "plan(stop=stop, targets=((first, part), (second, another), third), max_bars=hold)"
PROGRAM = compile_strategy(f"{HEAD}    return {PLAN}\n", "parts")
FLAT_BAR = (100.0, 100.0, 100.0, 100.0, 1.0)
LONG_BAR, SHORT_BAR = (*FLAT_BAR[:4], 2.0), (*FLAT_BAR[:4], 3.0)
LOTS = 850_000  # 8.5 BTC of 1e-5


def play(
    rows: list[tuple[float, ...]],
    leverage: int = 1,
    costs: Array | None = None,
    program: object = None,
    **parameters: float,
) -> tuple[Block, Runner]:
    runner = runner_of(program or PROGRAM, (leverage,), costs, **parameters)  # type: ignore[arg-type]
    return runner.run(bars_of(rows), [0]), runner


def exits_of(block: Block) -> list[tuple[float, ...]]:
    """What closed: bar, at close, intent, lots, price."""
    fills = of_kind(block, d.FILL)
    columns = [d.BAR_INDEX, d.AT_CLOSE, d.B, d.C, d.D]
    return [tuple(row) for row in fills[fills[:, d.B] != d.ENTRY][:, columns]]


def only_trade(block: Block) -> Array:
    (trade,) = of_kind(block, d.CLOSED)
    found: Array = trade
    return found


def test_targets_when_reached_one_by_one_then_each_closes_its_share_as_a_maker() -> None:
    costs = market(slippage=0.001, maker=0.0002, taker=0.0005)
    rows = [LONG_BAR, FLAT_BAR, (100, 111, 100, 105), (105, 121, 105, 115), (115, 131, 115, 130)]
    block, runner = play(rows, costs=costs)
    lots = int(850e8 / (10_000 * 10))
    entry, *rest = of_kind(block, d.FILL)
    assert (entry[d.C], entry[d.D]) == (lots, 10_010)
    half, quarter = lots // 2, lots // 4
    assert exits_of(block) == [
        (2, 1, d.TARGET, half, 11_010),
        (3, 1, d.TARGET_2, quarter, 12_010),
        (4, 1, d.TARGET_3, lots - half - quarter, 13_010),
    ]
    for fill in rest:
        assert (fill[d.G], fill[d.H], fill[d.E]) == (0, 0, fill[d.D])
        assert fill[d.F] == math.floor(fill[d.D] * fill[d.C] * 10 * 0.0002 + 0.5)
    trade = only_trade(block)
    assert (trade[d.BAR_INDEX], trade[d.B], trade[d.M]) == (4, lots, d.TARGET_3)
    gained = sum(lots * (price - 10_010) for _, _, _, lots, price in exits_of(block)) * 10
    assert trade[d.I] == gained - of_kind(block, d.FILL)[:, d.F].sum()
    assert trade[d.E] - trade[d.F] - trade[d.G] - trade[d.H] == trade[d.I]
    assert runner.account(0)["cash"] == CAPITAL + trade[d.I]
    assert [o[d.B] for o in of_kind(block, d.ORDER)] == [0, d.TARGET, d.TARGET_2, d.TARGET_3]


def test_targets_when_one_bar_reaches_all_then_close_in_their_order_at_their_levels() -> None:
    for first, sign in ((LONG_BAR, 1), (SHORT_BAR, -1)):
        bar = (100.0, 100.0 + 40 * (sign > 0), 100.0 - 40 * (sign < 0), 100.0)
        block, _ = play([first, FLAT_BAR, bar])
        assert exits_of(block) == [
            (2, 1, d.TARGET, LOTS / 2, 10_000 + sign * 1_000),
            (2, 1, d.TARGET_2, LOTS / 4, 10_000 + sign * 2_000),
            (2, 1, d.TARGET_3, LOTS / 4, 10_000 + sign * 3_000),
        ]


def test_targets_when_gapped_through_then_the_passed_ones_fill_at_the_open() -> None:
    block, runner = play([LONG_BAR, FLAT_BAR, (125.0, 129.0, 124.0, 126.0)])
    assert exits_of(block) == [
        (2, 0, d.TARGET, LOTS / 2, 12_500),
        (2, 0, d.TARGET_2, LOTS / 4, 12_500),
    ]
    assert runner.account(0)["position"] == LOTS / 4


def test_target_when_only_touched_then_does_not_fill() -> None:
    block, _ = play([LONG_BAR, FLAT_BAR, (110.0, 110.0, 109.0, 109.0), (109, 110.01, 109, 109)])
    assert exits_of(block) == [(3, 1, d.TARGET, LOTS / 2, 11_000)]


def test_stop_when_a_part_is_closed_then_takes_what_is_left() -> None:
    costs = market(slippage=0.001)
    rows = [LONG_BAR, FLAT_BAR, (100, 111, 100, 105), (105.0, 105.0, 80.0, 85.0)]
    block, _ = play(rows, costs=costs)
    stop = math.floor(9_010 * 0.999)
    assert exits_of(block) == [
        (2, 1, d.TARGET, LOTS / 2, 11_010),
        (3, 1, d.STOP, LOTS / 2, stop),
    ]
    trade = only_trade(block)
    assert trade[d.I] == LOTS / 2 * 10 * (11_010 - 10_010 + stop - 10_010)
    assert trade[d.G] == (10 * LOTS + (9_010 - stop) * LOTS / 2) * 10


def test_bar_when_it_spans_stop_and_targets_then_only_the_stop_is_taken() -> None:
    block, _ = play([LONG_BAR, FLAT_BAR, (100.0, 150.0, 90.0, 100.0)])
    assert exits_of(block) == [(2, 1, d.STOP, LOTS, 9_000)]


@pytest.mark.parametrize(
    ("lots", "parts"), [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (4, [2, 1, 1]), (7, [3, 1, 3])]
)
def test_parts_when_the_position_is_small_then_are_whole_lots_and_one_at_least(
    lots: int, parts: list[int]
) -> None:
    costs = market(min_notional=0)
    rows = [LONG_BAR, FLAT_BAR, (100.0, 140.0, 100.0, 140.0)]
    block, runner = play(rows, costs=costs, size=lots * 0.001)
    assert [part for _, _, _, part, _ in exits_of(block)] == parts
    assert runner.account(0)["position"] == 0
    assert only_trade(block)[d.B] == lots


def test_parts_when_their_share_is_no_whole_lot_then_round_down_and_the_last_has_the_rest() -> None:
    rows = [LONG_BAR, FLAT_BAR, (100.0, 140.0, 100.0, 140.0)]
    block, _ = play(rows, part=0.333333, another=0.1111111)
    parts = [lots for _, _, _, lots, _ in exits_of(block)]
    assert parts == [283_333, 94_444, LOTS - 283_333 - 94_444]


def test_targets_when_shares_take_all_then_there_is_no_third() -> None:
    rows = [LONG_BAR, FLAT_BAR, (100.0, 140.0, 100.0, 140.0)]
    block, _ = play(rows, part=0.7, another=0.9)
    parts = [(intent, lots) for _, _, intent, lots, _ in exits_of(block)]
    assert parts == [(d.TARGET, 595_000), (d.TARGET_2, LOTS - 595_000)]


def test_targets_when_not_in_order_then_each_waits_for_its_own_level() -> None:
    rows = [LONG_BAR, FLAT_BAR, (100.0, 116.0, 100.0, 110.0), (110.0, 121.0, 110.0, 120.0)]
    block, _ = play(rows, first=20.0, second=15.0, third=40.0)
    assert exits_of(block) == [
        (2, 1, d.TARGET_2, LOTS / 4, 11_500),
        (3, 1, d.TARGET, LOTS / 2, 12_000),
    ]


MOVING = compile_strategy(
    HEAD
    + """    if position.bars < 2:
        return plan(stop=stop, targets=((first, part), (second, another), third))
    return plan(stop=stop / 2, targets=((1, part), (second / 2, another), third / 2))
""",
    "moving",
)


def test_targets_when_the_plan_changes_then_move_but_a_taken_one_never_comes_back() -> None:
    # Bar 2 takes the first (110). From the close of bar 3 on the plan says 101, 110 and 115.
    rows = [LONG_BAR, FLAT_BAR, (100.0, 111.0, 100.0, 100.5), (100.5, 101, 100.5, 100.5)]
    rows += [(100.5, 109.0, 100.5, 105.0), (105.0, 112.0, 105.0, 105.0)]
    rows += [(105.0, 105.0, 94.0, 95.0)]
    block, runner = play(rows, program=MOVING)
    assert exits_of(block) == [
        (2, 1, d.TARGET, LOTS / 2, 11_000),
        (5, 1, d.TARGET_2, LOTS / 4, 11_000),
        (6, 1, d.STOP, LOTS / 4, 9_500),
    ]
    assert runner.account(0)["trades"] == 1


@pytest.mark.parametrize(("first", "sign"), [(LONG_BAR, 1), (SHORT_BAR, -1)])
def test_liquidation_when_a_part_is_closed_then_takes_the_margin_of_the_rest(
    first: tuple[float, ...], sign: int
) -> None:
    up, down = 100.0 + sign * 11, 100.0 - sign * 12.2
    rows = [first, FLAT_BAR, (100, max(up, 100), min(up, 100), 100)]
    rows += [(100, max(down, 100), min(down, 100), 100)]
    block, runner = play(rows, leverage=8, stop=50.0)
    bankrupt = 10_000 - sign * 1_250
    assert exits_of(block) == [
        (2, 1, d.TARGET, LOTS / 2, 10_000 + sign * 1_000),
        (3, 1, d.LIQUIDATION, LOTS / 2, bankrupt),
    ]
    (liquidated,) = of_kind(block, d.LIQUIDATED)
    assert liquidated[d.B] == 1_250 * LOTS / 2 * 10
    trade = only_trade(block)
    assert trade[d.I] == (1_000 - 1_250) * LOTS / 2 * 10
    assert runner.account(0)["cash"] == CAPITAL + trade[d.I]


def test_exit_at_the_open_when_a_target_is_passed_too_then_closes_all_at_once() -> None:
    rows = [LONG_BAR, FLAT_BAR, FLAT_BAR, (112.0, 112.0, 112.0, 112.0)]
    block, _ = play(rows, hold=2)
    assert exits_of(block) == [(3, 0, d.TIME_LIMIT, LOTS, 11_200)]


def test_signal_against_when_a_part_is_closed_then_reverses_what_is_left() -> None:
    rows = [LONG_BAR, FLAT_BAR, (100, 111, 100, 105), (*(105,) * 4, 3.0), (105.0,) * 4]
    block, runner = play(rows)
    assert exits_of(block)[1] == (4, 0, d.REVERSE, LOTS / 2, 10_500)
    assert runner.account(0)["position"] == -math.floor(850 / 105 * 1e5 + 1e-9)


def test_equity_when_a_part_is_closed_then_counts_what_it_made() -> None:
    rows = [LONG_BAR, FLAT_BAR, (100, 111, 100, 105.0)]
    _, runner = play(rows)
    account = runner.account(0)
    assert account["cash"] == CAPITAL  # settled when the trade is over
    assert account["equity"] == CAPITAL + LOTS / 2 * 10 * (1_000 + 500)


def expected(
    rows: list[tuple[int, ...]], lots: int, levels: list[int], parts: list[int]
) -> list[tuple[float, ...]]:
    """An independent reading of the rules, for a long without costs: what fills, in order."""
    stop, *targets = levels
    waiting = dict(enumerate(zip(targets, parts, strict=True)))
    found: list[tuple[float, ...]] = []

    def take(bar: int, at_close: int, reached: int) -> None:
        nonlocal lots
        for n, (level, part) in list(waiting.items()):
            if lots and reached > level:
                closed = lots if n == 2 else min(part, lots)
                lots -= closed
                intent = (d.TARGET, d.TARGET_2, d.TARGET_3)[n]
                found.append((bar, at_close, intent, closed, level if at_close else reached))
                del waiting[n]

    for bar, (opened, high, low, _) in enumerate(rows, 2):
        if lots and opened <= stop:
            found.append((bar, 0, d.STOP, lots, opened))
            lots = 0
        take(bar, 0, opened)
        if lots and low <= stop:
            found.append((bar, 1, d.STOP, lots, stop))
            lots = 0
        take(bar, 1, high)
    return found


PRICES = st.integers(80, 130)


@given(
    st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES), min_size=1, max_size=12),
    st.tuples(*[st.integers(1, 30)] * 4),
    st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
    st.booleans(),
)
def test_parts_when_bars_are_any_then_fill_as_the_rules_say(
    drawn: list[tuple[int, ...]],
    distances: tuple[int, ...],
    shares: tuple[float, float],
    is_long: bool,
) -> None:
    sign = 1 if is_long else -1
    rows = [(o, max(o, a, b, c), min(o, a, b, c), c) for o, a, b, c in drawn]
    mirrored = [tuple(100 + sign * (p - 100) for p in row) for row in rows]
    if not is_long:
        mirrored = [(o, low, high, c) for o, high, low, c in mirrored]
    first = LONG_BAR if is_long else SHORT_BAR
    stop, *aims = distances
    names = dict(zip(("first", "second", "third"), map(float, aims), strict=True))
    names |= {"part": shares[0], "another": shares[1], "stop": float(stop)}
    block, runner = play([first, FLAT_BAR, *[(*row, 1.0) for row in mirrored]], **names)
    parts = [max(math.floor(LOTS * share + 1e-9), 1) for share in shares]
    levels = [10_000 - 100 * stop, *(10_000 + 100 * aim for aim in aims)]
    ticks = [tuple(100 * p for p in row) for row in rows]
    wanted = expected(ticks, LOTS, levels, [*parts, 0])
    found = [(*row[:4], 10_000 + sign * (row[4] - 10_000)) for row in exits_of(block)]
    assert found == wanted
    closed = sum(lots for _, _, _, lots, _ in found)
    assert abs(runner.account(0)["position"]) == LOTS - closed


COSTLY = market(slippage=0.0007, maker=0.0002, taker=0.0005, perpetual=1)


@given(st.integers(0, 10_000), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_trades_when_closed_in_parts_then_the_parts_sum_to_the_whole(
    seed: int, part: float, another: float
) -> None:
    rng = np.random.default_rng(seed)
    close = 100 + np.cumsum(rng.integers(-300, 301, 200)) * 0.01
    opened = np.r_[100.0, close[:-1]]
    high = np.maximum(opened, close) + rng.integers(0, 200, 200) * 0.01
    low = np.minimum(opened, close) - rng.integers(0, 200, 200) * 0.01
    funding = rng.normal(0, 1e-4, 200) * (rng.random(200) < 0.2)
    rows = np.c_[opened, high, low, close, rng.integers(1, 4, 200), funding].round(6)
    names = {"first": 1.5, "second": 3.0, "third": 5.0, "stop": 2.0, "hold": 30.0}
    block, runner = play([tuple(r) for r in rows], 8, COSTLY, part=part, another=another, **names)
    records, account = block.records[0], runner.account(0)
    trades = of_kind(block, d.CLOSED)
    assert (trades[:, d.E] - trades[:, d.F : d.I].sum(axis=1) == trades[:, d.I]).all()
    begun, fills = 0, records[records[:, d.KIND] == d.FILL]
    for trade in trades:
        own: list[Array] = []
        while sum(f[d.C] for f in own if f[d.B] != d.ENTRY) < trade[d.B]:
            own.append(fills[begun])
            begun += 1
        entry, *exits = own
        assert entry[d.C] == trade[d.B] == sum(f[d.C] for f in exits)
        assert sum(f[d.F] for f in own) == trade[d.F]
        assert sum(f[d.G] for f in own) == trade[d.G]
        made = sum((f[d.D] - entry[d.D]) * f[d.C] * trade[d.A] * 10 for f in exits)
        assert made - trade[d.F] - trade[d.H] == trade[d.I]
        intents = [f[d.B] for f in exits]
        assert len(set(intents)) == len(intents)
    if account["position"] == 0:
        assert account["cash"] == CAPITAL + trades[:, d.I].sum()


PARTS = StrategySource(
    "parts",
    '''"""Buys and sells in parts."""
from kernels.language import *

timeframe("1m")
mean = sma(close, 5)

def entry():
    if close > mean:
        return long(tag="above")
    return FLAT

def exits():
    near = close / 500 if position.bars < 2 else close / 900
    return plan(stop=close / 250, targets=((near, 0.5), (2 * near, 0.25), 4 * near), max_bars=9)
''',
)


def test_log_when_trades_close_in_parts_then_broker_and_domain_agree_and_it_replays() -> None:
    home = Home(sources=(PARTS,))
    home.feed(random_bars(1_500, seed=21), cuts=(377, 700, 1_111))
    assert not [e for e in home.of(BreakerTripped) if DISAGREEMENT in repr(e)]
    fills, trades = home.of(OrderFilled), home.of(PositionClosed)
    reasons = {trade.reason for trade in trades}  # type: ignore[attr-defined]
    assert {"target_3", "stop"} <= reasons
    assert len(fills) > 2 * len(trades) > 100
    for trade in trades:
        assert isinstance(trade, PositionClosed)
        assert trade.gross - trade.fees - trade.slippage - trade.funding == trade.net
    found = reproduce(home.log, home.journal)
    assert (found.first_difference, found.count) == (None, len(home.events))
