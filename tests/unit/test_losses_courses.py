"""What prices did around trades: hand-made charts, and any charts against a slow plain reading."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.losses.courses import Entered, courses
from application.improvement.losses.holding import Holding
from application.improvement.losses.price_paths import NEVER, STEP, PricePath, first_at_least
from application.ports import BAR, Bars
from tests.kernel_runs import MINUTE, START, bars_of
from tests.loss_oracle import Chart, Deal

TICK = 0.5
TRUTHS = ("entry_again", "target_reached", "half_target")


def path_of(bars: Bars) -> PricePath:
    return PricePath(bars, TICK, MINUTE)


def chart(*closes: float) -> Bars:
    """Bars that go straight from one close to the next."""
    rows = [
        (before, max(before, close), min(before, close), close)
        for before, close in zip(closes[:1] + closes[:-1], closes, strict=True)
    ]
    return bars_of(rows)


def entered(bars: Bars, deals: list[Deal]) -> Entered:
    """Deals in the layout of the code under test."""
    opens = bars["timestamp"]

    def ticks(name: str) -> Any:
        values = [getattr(deal, name) for deal in deals]
        sides = [deal.side for deal in deals]
        return np.array(
            [np.nan if v is None else v / TICK * s for v, s in zip(values, sides, strict=True)]
        )

    exits = np.array([deal.exit_at for deal in deals])
    within = ~np.isin(exits, opens) | np.array([deal.stopped for deal in deals])
    bar = np.searchsorted(opens, exits, side="left") - within
    return Entered(
        side=np.array([float(deal.side) for deal in deals]),
        entry=ticks("fill"),
        reference=ticks("reference"),
        stop=ticks("stop"),
        target=ticks("target"),
        left=ticks("left"),
        stopped=np.array([deal.stopped for deal in deals]),
        entry_at=np.array([deal.entry_at for deal in deals]),
        exit_at=exits,
        entry_bar=np.searchsorted(opens, [deal.entry_at for deal in deals]),
        exit_bar=bar,
        after=bar + within,
    )


def minute(n: int) -> int:
    return START + n * MINUTE


def told(bars: Bars, deal: Deal, holding: Holding) -> dict[str, Any]:
    """The figures of one deal, missing ones as None."""
    found = courses(path_of(bars), entered(bars, [deal]), holding, MINUTE)
    figures = {name: values.tolist()[0] for name, values in found.items()}
    return {
        name: None if v != v else (bool(v) if name.startswith(("after_", "half_")) else v)
        for name, v in figures.items()
    }


def long(stop: float = 95.0, target: float | None = 110.0, **changes: Any) -> Deal:
    """Bought at 100 at the open of the second bar, stopped within the fourth."""
    values: dict[str, Any] = {
        "side": 1,
        "fill": 100.0,
        "reference": 100.0,
        "stop": stop,
        "target": target,
        "left": stop,
        "stopped": True,
        "entry_at": minute(1),
        "exit_at": minute(4),
    }
    return Deal(**values | changes)


HOLD = Holding(None, 50)
STOPPED = (100, 99, 98, 95)  # at 95 within the fourth bar


def test_after_a_stop_when_the_price_comes_back_to_the_entry_first_then_says_so() -> None:
    figures = told(chart(*STOPPED, 97, 100), long(), HOLD)
    assert figures["after_stop_to_entry"] is True
    assert figures["after_stop_to_target"] is None  # not decided yet
    assert figures["entry_again"] == 1.0
    assert figures["target_reached"] == 0.0
    assert (figures["best"], figures["worst"], figures["minutes"]) == (0.0, -1.0, 2)


def test_after_a_stop_when_the_price_goes_as_far_again_first_then_says_so() -> None:
    figures = told(chart(*STOPPED, 90, 100, 110.5), long(), HOLD)
    assert figures["after_stop_to_entry"] is False
    assert figures["after_stop_to_target"] is True  # 80 would have been as far
    assert figures["target_reached"] == 1.0  # a tick beyond


def test_after_a_stop_when_the_trade_had_been_half_as_far_in_profit_then_it_was_not_early() -> None:
    bars = chart(100, 102.5, 98, 95, 111)
    figures = told(bars, long(), HOLD)
    assert figures["after_stop_to_entry"] is True
    assert figures["after_stop_to_target"] is None


def test_after_a_stop_when_one_bar_sees_both_levels_then_nobody_can_tell() -> None:
    bars = bars_of([(100, 100, 100, 100)] * 3 + [(100, 100, 95, 95), (95, 100, 90, 95)])
    assert told(bars, long(), HOLD)["after_stop_to_entry"] is None


def test_after_a_stop_when_its_bar_had_seen_the_target_too_then_nobody_can_tell() -> None:
    bars = bars_of([(100, 100, 100, 100)] * 3 + [(100, 110, 95, 95), (95, 111, 95, 111)])
    figures = told(bars, long(), HOLD)
    assert (figures["after_stop_to_entry"], figures["after_stop_to_target"]) == (None, None)


def test_after_a_stop_when_the_horizon_is_over_then_what_comes_later_is_not_seen() -> None:
    bars = chart(*STOPPED, 96, 97, 100)
    assert told(bars, long(), Holding(None, 2))["after_stop_to_entry"] is None
    assert told(bars, long(), Holding(None, 3))["after_stop_to_entry"] is True
    assert told(bars, long(), Holding(None, 2))["entry_again"] == 0.0


def test_after_a_target_when_the_price_turns_then_it_is_the_mirror_of_a_stop() -> None:
    bars = chart(100, 101, 104, 110, 105, 99.5, 95)
    deal = long(left=110.0, stopped=False, exit_at=minute(4) + 1)
    figures = told(bars, deal, HOLD)
    assert figures["after_target_to_entry"] is True
    assert figures["after_target_to_stop"] is True
    on = told(chart(100, 101, 104, 110, 120, 99.5, 95), deal, HOLD)
    assert on["after_target_to_entry"] is False  # 120 is as far again
    assert on["after_target_to_stop"] is True  # 125 would have been


def test_half_way_when_reached_then_follows_the_price_to_entry_or_level() -> None:
    bars = chart(100, 105, 104, 100, 95)
    figures = told(bars, long(exit_at=minute(5)), HOLD)
    assert (figures["half_target"], figures["half_target_to_entry"]) == (True, True)
    straight = told(chart(100, 105, 110, 100, 95), long(exit_at=minute(5)), HOLD)
    assert straight["half_target_to_entry"] is False
    never = told(chart(*STOPPED, 111), long(), HOLD)
    assert (never["half_target"], never["half_target_to_entry"]) == (False, None)
    assert never["half_stop_to_entry"] is None  # the bar to 111 saw the stop and the entry
    fell = told(chart(100, 97, 98, 95, 111), long(exit_at=minute(5)), HOLD)
    assert fell["half_stop_to_entry"] is False
    recovered = told(chart(100, 97, 98, 100, 95), long(exit_at=minute(5)), HOLD)
    assert recovered["half_stop_to_entry"] is True


def test_half_way_when_there_is_no_target_then_nothing_is_said_of_it() -> None:
    figures = told(chart(*STOPPED, 111), long(target=None), HOLD)
    targets = ("half_target", "half_target_to_entry", "after_stop_to_target", "target_reached")
    assert [figures[name] for name in targets] == [None] * 4
    assert figures["after_stop_to_entry"] is True


def test_halves_when_the_longest_holding_is_known_then_are_in_multiples_of_risk() -> None:
    bars = chart(100, 101, 102, 103, 99, 98, 100)  # bought at minute 1, at most 4 minutes
    deal = long(left=98.0, stopped=False, exit_at=minute(5))
    figures = told(bars, deal, Holding(4, 50))
    assert figures["late"] == (99 - 102) / 5  # closes at minutes 3 and 5
    assert figures["later"] == (100 - 99) / 5
    cut = told(bars[:6], deal, Holding(4, 50))
    assert (cut["late"], cut["later"]) == (figures["late"], None)
    gone = told(bars, long(left=98.0, stopped=False, exit_at=minute(3)), Holding(4, 50))
    assert (gone["late"], gone["later"]) == (None, None)


def test_courses_when_nothing_follows_then_only_the_past_is_told() -> None:
    figures = told(chart(*STOPPED), long(), HOLD)
    assert [figures[name] for name in ("best", "worst", "entry_again")] == [None] * 3
    assert figures["half_target"] is False


@st.composite
def markets(draw: st.DrawFn) -> tuple[Bars, list[Deal], Holding]:
    """Whole prices in a narrow range, so that levels meet often; some minutes missing."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(6, 90))
    close = 100.0 + np.cumsum(chance.integers(-2, 3, count))
    opened = np.concatenate([[100.0], close[:-1]])
    bars = np.zeros(count, BAR)
    bars["timestamp"] = START + MINUTE * np.arange(count)
    bars["open"], bars["close"] = opened, close
    bars["high"] = np.maximum(opened, close) + chance.integers(0, 2, count)
    bars["low"] = np.minimum(opened, close) - chance.integers(0, 2, count)
    bars = bars[(chance.random(count) < 0.9) | (np.arange(count) < 2)]
    deals = [deal_of(bars, chance) for _ in range(draw(st.integers(1, 6)))]
    fixed = draw(st.one_of(st.none(), st.integers(1, 30)))
    return bars, deals, Holding(fixed, draw(st.integers(1, 40)))


def deal_of(bars: Bars, chance: np.random.Generator) -> Deal:
    side = int(chance.choice([-1, 1]))
    first = int(chance.integers(0, len(bars) - 1))
    last = int(chance.integers(first, len(bars)))
    last = min(last, len(bars) - 1)
    reference = float(bars["open"][first])
    fill = reference + side * float(chance.integers(0, 2)) * TICK
    stop = fill - side * float(chance.integers(1, 8))
    stopped = bool(chance.random() < 0.6)
    target = None if chance.random() < 0.2 else fill + side * float(chance.integers(1, 10))
    within = stopped or bool(chance.random() < 0.5) or last == first
    opened = int(bars["timestamp"][last])
    return Deal(
        side=side,
        fill=fill,
        reference=reference,
        stop=stop,
        target=target,
        left=stop if stopped else float(bars["close"][last]),
        stopped=stopped,
        entry_at=int(bars["timestamp"][first]),
        exit_at=opened + MINUTE if within else opened,
    )


@given(markets())
def test_courses_when_anything_happens_then_they_are_those_of_a_plain_reading(
    drawn: tuple[Bars, list[Deal], Holding],
) -> None:
    bars, deals, holding = drawn
    trades = entered(bars, deals)
    opened = [int(bars["timestamp"][n]) for n in trades.exit_bar.tolist()]
    inside = [deal.exit_at == at + MINUTE for deal, at in zip(deals, opened, strict=True)]
    trades.after[:] = trades.exit_bar + inside
    found = courses(path_of(bars), trades, holding, MINUTE)
    for n, deal in enumerate(deals):
        longest = None if holding.all is None else holding.all * MINUTE
        plain = Chart(bars, MINUTE, deal).told(holding.horizon * MINUTE, longest)
        for name, wanted in plain.items():
            value = found[name][n]
            if name == "minutes" and plain["best"] is None:
                continue
            if wanted is None:
                assert np.isnan(value), name
            else:
                assert value == pytest.approx(float(wanted), abs=1e-9), name


@given(markets())
def test_courses_when_prices_and_sides_are_turned_over_then_nothing_changes(
    drawn: tuple[Bars, list[Deal], Holding],
) -> None:
    bars, deals, holding = drawn
    over = bars.copy()
    for name in ("open", "close"):
        over[name] = 1_000.0 - bars[name]
    over["high"], over["low"] = 1_000.0 - bars["low"], 1_000.0 - bars["high"]
    trades = entered(bars, deals)
    turned = entered(bars, deals)
    turned.side[:] = -trades.side
    for name in ("entry", "reference", "stop", "target", "left"):
        own = getattr(trades, name)
        getattr(turned, name)[:] = -trades.side * (1_000.0 / TICK - own * trades.side)
    one = courses(path_of(bars), trades, holding, MINUTE)
    other = courses(path_of(over), turned, holding, MINUTE)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], name)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=3 * STEP),
    st.integers(0, 3 * STEP),
    st.integers(0, 3 * STEP),
    st.integers(0, 6),
)
def test_first_when_looked_for_in_any_stretch_then_is_that_of_a_loop(
    values: list[int], begin: int, end: int, level: int
) -> None:
    hits = [n for n in range(begin, min(end, len(values))) if values[n] >= level]
    ends = (np.array([begin]), np.array([end]))
    (found,) = first_at_least(np.array(values, float), *ends, np.array([float(level)]))
    assert found == (hits[0] if hits else NEVER)


def test_courses_when_a_market_has_no_memory_then_every_race_is_a_coin() -> None:
    chance = np.random.default_rng(11)
    steps = chance.choice([-1.0, 1.0], (60_000, 12))
    walk = np.cumsum(steps, axis=None).reshape(steps.shape) + 100_000.0
    bars = np.zeros(len(walk), BAR)
    bars["timestamp"] = START + MINUTE * np.arange(len(walk))
    before = np.concatenate([[100_000.0], walk[:-1, -1]])
    bars["open"], bars["close"] = before, walk[:, -1]
    bars["high"] = np.maximum(walk.max(axis=1), before)
    bars["low"] = np.minimum(walk.min(axis=1), before)
    path = PricePath(bars, 1.0, MINUTE)
    first = np.arange(0, len(bars) - 2_000, 12)
    side = np.where(np.arange(len(first)) % 2, 1.0, -1.0)
    reference = bars["open"][first] * side
    near, far = 10.0, 16.0  # stop and target: not alike
    stop, target = reference - near, reference + far
    horizon = 1_500
    ups = path.up(side, first, first + horizon, target + 1.0)
    downs = path.down(side, first, first + horizon, stop)
    last = np.minimum(np.minimum(ups, downs), first + horizon)
    stopped = downs <= ups
    trades = Entered(
        side=side,
        entry=reference,
        reference=reference,
        stop=stop,
        target=target,
        left=np.where(stopped, stop, target),
        stopped=stopped,
        entry_at=bars["timestamp"][first],
        exit_at=bars["timestamp"][last] + MINUTE,
        entry_bar=first,
        exit_bar=last,
        after=last + 1,
    )
    figures = courses(path, trades, Holding(8, horizon), MINUTE)
    for name, values in figures.items():
        if name.startswith(("after_", "half_")) and name != "half_target":
            decided = values[~np.isnan(values)]
            assert len(decided) > 800, name
            error = 0.5 / np.sqrt(len(decided) / 4)  # stretches overlap: fewer that are apart
            assert abs(decided.mean() - 0.5) < 3.5 * error, (name, decided.mean(), len(decided))
    both = ~np.isnan(figures["late"] + figures["later"])
    fell = [float((figures[name][both] < 0).mean()) for name in ("late", "later")]
    assert abs(fell[0] - fell[1]) < 0.06
