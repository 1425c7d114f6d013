"""The strategies that count votes: who votes, how many must agree, and what follows."""

from functools import cache

import numpy as np
import pytest

from kernels import dtypes
from kernels.library import classes
from kernels.program import compile_strategy
from tests.kernel_runs import MINUTE, Array, bars_of, runner_of, walk
from tests.strategy_charts import Chart, heard, read, runner_for, shipped

BOTH = pytest.mark.parametrize("side", [1, -1])
SIDES = {1: "bullish", -1: "bearish"}
TURN = Chart().line(97, 60).line(101, 30)
QUARTER = 15 * MINUTE

# The readings of consensus_bot, with the lookbacks that it begins with.
READINGS = {
    "rsi": "rsi_class(14)",
    "stochastic": "stochastic_class(14, 3)",
    "stochastic_rsi": "stochastic_rsi_class(close, 14, 14)",
    "cci": "cci_class(20)",
    "ultimate": "ultimate_class(7, 14, 28)",
    "mfi": "mfi_class(14)",
    "bollinger": "bollinger_class(close, 20, 2)",
    "macd": "macd_class(12, 26, 9)",
    "ema": "average_class(ema(close, 50))",
    "roc": "sign_class(roc(close, 10))",
    "adx": "adx_class(14)",
    "aroon": "aroon_class(25)",
    "vortex": "vortex_class(14)",
    "psar": "psar_class(0.02, 0.2)",
    "supertrend": "supertrend_class(10, 3)",
    "keltner": "keltner_class(20, 20, 1.5)",
    "donchian": "donchian_class(20)",
    "pivot": "pivot_class(5, 5)",
    "fractal": "fractal_class()",
    "swing": "swing_class(0.01)",
    "cmf": "cmf_class(20)",
    "close_place": "close_place_class()",
}


def choose(*names: str) -> dict[str, float]:
    """Let these vote and no other."""
    return {f"use_{name}": float(name in names) for name in READINGS}


@cache
def quarters() -> Array:
    """Bars of 15 minutes that wander."""
    bars = walk(3_000, seed=12)
    bars["timestamp"] = bars["timestamp"][0] + QUARTER * np.arange(len(bars))
    return bars


# consensus_bot


@BOTH
def test_consensus_bot_when_the_last_voter_joins_then_follows(side: int) -> None:
    found = read("consensus_bot", TURN.seen_from(side))
    assert heard(found)[-1] == (68, side, SIDES[side])
    assert found.signals[-1].confidence == 1
    names = found.program.series_names
    votes = {n: found.block.series[names.index(f"{n}_says")] for n in READINGS}
    by_bar = [{n for n, says in votes.items() if says[bar] == side} for bar in (67, 68)]
    assert by_bar == [{"macd", "ema", "adx"}, {"macd", "ema", "adx", "cmf"}]


@pytest.mark.parametrize(("share", "rises"), [(1.0, False), (0.76, False), (0.75, True)])
def test_consensus_bot_when_three_of_four_agree_then_the_share_decides(
    share: float, rises: bool
) -> None:
    """In a straight rise RSI is overbought, so it says down where the other three say up."""
    voters = choose("macd", "ema", "supertrend", "rsi")
    found = read("consensus_bot", TURN, share=share, **voters)
    assert (found.at_end("bulls"), found.at_end("bears")) == (3, 1)
    assert (1 in {signal.side for signal in found.signals}) is rises
    if rises:
        assert found.signals[-1].confidence == 0.75


def test_consensus_bot_when_two_against_two_then_takes_no_side() -> None:
    """Overbought by RSI and stochastic, rising by the averages."""
    voters = choose("macd", "ema", "stochastic", "rsi")
    found = read("consensus_bot", TURN, share=0.5, **voters)
    assert (found.at_end("bulls"), found.at_end("bears")) == (2, 2)
    told = [signal.bar for signal in found.signals]
    assert max(told) < 70  # while RSI and stochastic had not spoken


@pytest.mark.parametrize(("count", "trades"), [(0, False), (1, False), (2, True), (8, True)])
def test_consensus_bot_when_too_few_vote_then_never_trades(count: int, trades: bool) -> None:
    names = list(READINGS)[:count]
    found = read("consensus_bot", quarters(), share=0.5, **choose(*names))
    assert bool(found.signals) is trades


def test_consensus_bot_when_nine_vote_then_never_trades() -> None:
    found = read("consensus_bot", quarters(), share=0.5, **choose(*list(READINGS)[:9]))
    assert found.signals == []
    bulls = found.block.series[found.program.series_names.index("bulls")]
    assert np.nanmax(bulls) > 0.5 * 9


def test_consensus_bot_when_an_indicator_votes_then_by_its_customary_reading() -> None:
    lines = "\n".join(f"{name}_says = {call}" for name, call in READINGS.items())
    tail = "def entry():\n    return FLAT\ndef exits():\n    return plan(stop=1)\n"
    readings = compile_strategy(f'timeframe("1m")\n{lines}\n{tail}', "readings")
    bars = quarters()
    minutes = bars.copy()
    minutes["timestamp"] = bars["timestamp"][0] + MINUTE * np.arange(len(bars))
    wanted = runner_of(readings).run(minutes, [0]).series
    found = read("consensus_bot", bars, **choose(*READINGS))
    names = found.program.series_names
    for name, says in zip(readings.series_names, wanted, strict=True):
        voted = found.block.series[names.index(name)]
        assert np.array_equal(voted, says, equal_nan=True), name
        assert {-1.0, 1.0} <= set(says), f"{name} must have spoken both ways"
    silent = read("consensus_bot", bars, **choose())
    assert not silent.block.series[[names.index(n) for n in readings.series_names]].any()


def test_consensus_bot_when_its_voters_are_listed_then_no_reading_is_missing() -> None:
    told = {n.removesuffix("_class") for n in vars(classes) if n.endswith("_class")}
    general = {"sign", "average", "band", "break"}  # of any series: here of roc and ema
    said_by_others = {"williams", "cmo"}  # by stochastic and rsi, as the docstring says
    assert told - general - said_by_others == set(READINGS) - {"roc", "ema"}
    flags = [p for p in shipped("consensus_bot").parameters if p.name.startswith("use_")]
    assert [p.name for p in flags] == [f"use_{name}" for name in READINGS]
    assert {(p.low, p.high, p.integer) for p in flags} == {(-2, 1, True)}


# signal_follower


def test_signal_follower_when_aggressive_then_trades_the_faintest_majority() -> None:
    found = read("signal_follower", TURN)
    assert heard(found)[-1] == (63, 1, "bullish")
    signal = found.signals[-1]
    assert signal.confidence == pytest.approx(0.2)  # three against two
    price = round(TURN.rows[63][3], 2)
    assert (signal.stop, signal.target) == pytest.approx((0.015 * price, 0.02 * price))


@BOTH
@pytest.mark.parametrize(
    ("threshold", "bar", "votes"), [(0.19, 63, 1), (0.2, 64, 4), (0.6, 64, 4), (0.8, 65, 5)]
)
def test_signal_follower_when_a_threshold_is_set_then_waits_for_more_votes(
    threshold: float, bar: int, votes: int, side: int
) -> None:
    found = read("signal_follower", TURN.seen_from(side), threshold=threshold)
    assert heard(found)[-1] == (bar, side, SIDES[side])
    assert found.signals[-1].confidence == pytest.approx(votes / 5)


def test_signal_follower_when_votes_change_then_turns_with_the_majority_alone() -> None:
    found = read("signal_follower", quarters())
    votes = found.block.series[found.program.series_names.index("votes")]
    side = np.where(np.isfinite(votes), np.sign(votes), 0)
    turned = np.flatnonzero((side != 0) & (side != np.r_[0, side[:-1]]))
    assert (side == 0).sum() > 100
    assert [(s.bar, s.side) for s in found.signals] == [(int(n), int(side[n])) for n in turned]


def test_signal_follower_when_it_trades_then_for_its_stake() -> None:
    for stake in (1000, 250):
        records = read("signal_follower", TURN, stake=stake).block.records[0]
        opened = records[records[:, dtypes.KIND] == dtypes.OPENED]
        notional = opened[:, dtypes.B] * 1e-5 * opened[:, dtypes.C] * 0.01
        assert len(opened) == 2
        # whole lots at the signal's close, filled at the next open
        assert notional == pytest.approx(stake, abs=0.01)


def bought() -> Chart:
    """A majority at bar 63, bought at the open of bar 64 at 97.53, and two bars more."""
    return Chart().line(97, 60).line(97.8, 6)


@pytest.mark.parametrize(
    ("chart", "reason"),
    [
        pytest.param(bought().bar(99.6), "target", id="2 % won"),
        pytest.param(bought().bar(97.9, low=95.9), "stop", id="1.5 % lost"),
        pytest.param(bought().line(96.9, 10), "reverse", id="the majority turned"),
        pytest.param(bought().path(*[97.8, 97.82] * 8), "time_limit", id="four hours over"),
    ],
)
def test_signal_follower_when_a_trade_ends_then_for_this_reason(chart: Chart, reason: str) -> None:
    assert read("signal_follower", chart).exits[-1] == reason


@pytest.mark.parametrize(
    "chart",
    [
        pytest.param(bought().bar(99.0, high=99.4), id="the target is at 99.48"),
        pytest.param(bought().bar(97.9, low=96.2), id="the stop is at 96.07"),
        pytest.param(bought().line(97.5, 2), id="fewer votes, but still a majority"),
        pytest.param(bought().path(*[97.8, 97.82] * 6, 97.8), id="to be closed at the next open"),
    ],
)
def test_signal_follower_when_just_short_of_it_then_the_trade_goes_on(chart: Chart) -> None:
    found = read("signal_follower", chart)
    assert found.exits == ["time_limit"]  # of the short before
    assert found.at_end("votes") > 0


def test_signal_follower_when_the_operator_closes_it_then_by_hand() -> None:
    program = shipped("signal_follower")
    bars = bars_of(bought().line(97.9, 4).rows, step=QUARTER)
    runner = runner_for(program, QUARTER)
    runner.run(bars[:-2], [0])
    block = runner.run(bars[-2:], [dtypes.FLATTEN | dtypes.ENTRIES_OFF])
    closed = block.records[0][block.records[0][:, dtypes.KIND] == dtypes.CLOSED]
    assert [dtypes.INTENTS[int(code)] for code in closed[:, dtypes.M]] == ["operator"]
