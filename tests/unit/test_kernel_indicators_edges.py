"""Where markets stand still, trade nothing, leave gaps or turn: what indicators say there."""

from typing import Any

import numpy as np
import pytest

from tests.indicator_formulas import adaptive
from tests.indicator_oracles import ORACLES
from tests.indicator_programs import CALLS, figures, interpreted, program, settings
from tests.kernel_runs import bars_of, runner_of, walk
from tests.unit.test_kernel_indicators import distance, documented, first

Array = np.ndarray[Any, Any]
STILL = {  # where n bars neither moved nor traded
    "rsi": 0.0,
    "cmo": 0.0,
    "stochastic_k": 0.0,
    "stochastic_d": 0.0,
    "stochastic_rsi": 0.0,
    "stochastic_rsi_d": 0.0,
    "williams_r": 0.0,
    "cci": 0.0,
    "mom": 0.0,
    "acceleration": 0.0,
    "roc": 0.0,
    "ultimate_oscillator": 0.0,
    "true_range": 0.0,
    "stdev": 0.0,
    "bollinger_place": 0.5,
    "cmf": 0.0,
    "mfi": 0.0,
    "volume_roc": 0.0,
    "percentile_rank": 100.0,
    "aroon_up": 100.0,
    "aroon_down": 100.0,
    "aroon_oscillator": 0.0,
    "dpo": 0.0,
    "linreg_slope": 0.0,
    "vortex_plus": 0.0,
    "vortex_minus": 0.0,
    "plus_di": 0.0,
    "minus_di": 0.0,
    "adx": 0.0,
    "bar_range": 0.0,
    "close_place": 0.5,
    "vwap": np.nan,
    "vwma": np.nan,
}
FOREVER = ("rsi", "cmo", "adx", "plus_di", "minus_di", "stochastic_rsi", "stochastic_rsi_d")
ONCE = ("pivot_high", "pivot_low", "fractal_high", "fractal_low", "swing_high", "swing_low")


def standing_still(bars: Array, start: int, stop: int) -> Array:
    """The same bars, with no movement and no trade from start to stop."""
    still = bars.copy()
    for name in ("open", "high", "low", "close"):
        still[name][start:stop] = bars["close"][start - 1]
    still["volume"][start:stop] = 0.0
    return still


def test_indicators_when_nothing_ever_moved_or_traded_then_say_nothing_rather_than_noise() -> None:
    last = {n: v[-1] for n, v in figures(standing_still(walk(200), 1, 200)[1:]).items()}
    for name, wanted in STILL.items():
        assert last[name] == pytest.approx(wanted, abs=1e-9, nan_ok=True), name
    unknown = {name for name, value in last.items() if np.isnan(value)}
    assert unknown == {"vwap", "vwma", "bars_since", "value_when", *ONCE}


def test_indicators_when_the_market_stands_still_for_a_while_then_say_so_and_recover() -> None:
    bars, parameters = standing_still(walk(900, seed=6), 300, 400), settings()
    ours = figures(bars)
    for name, wanted in STILL.items():
        if name not in FOREVER:  # Wilder's smoothing remembers what moved before
            begin = 300 + documented(name, vars(parameters))[0]
            within = ours[name][begin:400]
            assert np.allclose(within, wanted, atol=1e-9, equal_nan=True), name
    for name, values in ours.items():
        theirs = np.asarray(ORACLES[name](bars, parameters), dtype=float)
        assert distance(values[-300:], theirs[-300:]) < 1e-9, name


def test_kama_when_the_market_stands_still_then_hastens_to_it() -> None:
    bars = walk(1000, seed=6)
    for start in range(50, 960, 53):  # often, since what rounding leaves of a sum may be nothing
        bars = standing_still(bars, start, start + 30)
    turnover = bars["close"] * bars["volume"]  # of many sizes, so that sums of it are rounded
    for n, fast, slow in ((14, 2, 30), (9, 5, 20)):
        (ours,) = interpreted([f"kama(close * volume, {n}, {fast}, {slow})"], bars).values()
        assert distance(ours, adaptive(turnover, n, fast, slow)) < 1e-9


COUNTED = (  # their windows hold values only, so a gap leaves no trace
    "sma(x, n)",
    "ema(x, n)",
    "rma(x, n)",
    "wma(x, n)",
    "dema(x, n)",
    "tema(x, n)",
    "t3(x, n, 0.7)",
    "trima(x, n)",
    "hma(x, n)",
    "highest(x, n)",
    "lowest(x, n)",
    "stdev(x, n)",
    "bollinger_upper(x, n, width)",
    "bollinger_lower(x, n, width)",
    "bollinger_width(x, n, width)",
    "bollinger_place(x, n, width)",
    "linreg_slope(x, n)",
    "percentile_rank(x, n)",
)
DATED = (  # they ask what was so many bars ago
    "kama(x, n, 2, 30)",
    "zlema(x, n)",
    "vwma(x, n)",
    "rsi_of(x, n)",
    "cmo(x, n)",
    "stochastic_rsi(x, n, window)",
    "mom(x, n)",
    "acceleration(x, n)",
    "roc(x, n)",
    "trix(x, n)",
    "dpo(x, n)",
)
GAPS = "x = close if volume > 3 else (close - close) / (volume - volume)"


def gapped(seed: int, length: int, until: int) -> Array:
    bars = walk(length, seed=seed)
    bars["volume"] = 10.0
    bars["volume"][:until][np.random.default_rng(seed).random(until) < 0.2] = 1.0
    return bars


def test_windows_when_values_are_missing_then_hold_those_there_are() -> None:
    bars = gapped(4, 260, 260)
    there = bars["volume"] > 3
    with_gaps, without = interpreted(COUNTED, bars, GAPS), interpreted(COUNTED, bars[there], GAPS)
    for name, values in with_gaps.items():
        assert np.isnan(values[~there]).all(), f"{name} has a figure where its input has none"
        assert values[there].tobytes() == without[name].tobytes(), name


def test_windows_when_values_were_enormous_then_forget_them() -> None:
    bars = walk(600, seed=9)
    bars["volume"] = 1.0
    bars["volume"][:201] = 1e9  # rounding leaves 1e-3 of sums of such sizes
    endless = ("ema", "rma", "dema", "tema", "t3")  # their memory is longer than this
    calls = [call for call in COUNTED if call.split("(")[0] not in endless]
    after, alone = (interpreted(calls, b, "x = close * volume") for b in (bars, bars[201:]))
    for name, values in after.items():
        assert distance(values[-100:], alone[name][-100:]) < 1e-9, name


def test_histories_when_values_were_missing_then_are_not_spoiled_for_ever() -> None:
    bars = gapped(5, 300, 150)
    for name, values in interpreted(DATED, bars, GAPS).items():
        assert np.isnan(values[:150]).any(), f"{name} did not see the gaps"
        assert np.isfinite(values[220:]).all(), name


def test_vwap_when_little_is_traded_after_much_then_is_a_price_of_the_window() -> None:
    bars = walk(600, seed=7)
    bars["volume"][:300] *= 1e6
    bars["volume"][300:] *= 1e-3
    ours = figures(bars, "averages")["vwap"]
    theirs = np.asarray(ORACLES["vwap"](bars, settings()))
    assert distance(ours[340:], theirs[340:]) < 1e-9


def hill(peak: int, length: int, sign: float = 1.0) -> Array:
    """Prices that rise to the bar `peak`, counted from 1, and fall after it; or the other way."""
    prices = [100.0 - sign * abs(bar - peak) for bar in range(1, length + 1)]
    return bars_of([(p, p + 0.25, p - 0.25, p, 1.0) for p in prices])


@pytest.mark.parametrize(("sign", "side"), [(1.0, "high"), (-1.0, "low")])
def test_turning_points_when_the_market_turns_then_appear_when_confirmed_and_not_before(
    sign: float, side: str
) -> None:
    left, right, peak = 4, 3, 5
    bars = hill(peak, 20, sign)
    ours = figures(bars, "levels", left=left, right=right, reversal=0.025)
    turned = bars[side][peak - 1]
    fall = {"high": 1, "low": -1}[side] * (turned - bars["low" if side == "high" else "high"])
    reversal = peak + int(np.argmax(fall[peak:] >= 0.025 * turned)) + 1
    assert (first(ours[f"pivot_{side}"]), first(ours[f"fractal_{side}"])) == (
        peak + right,
        peak + 2,
    )
    assert peak == left + 1, "so these are the earliest bars that are documented"
    assert ours[f"pivot_{side}"][peak + right - 1] == turned
    assert ours[f"fractal_{side}"][-1] == turned
    if side == "high":
        assert (first(ours["swing_high"]), ours["swing_high"][-1]) == (reversal, turned)
    earliest = figures(hill(3, 20, sign), "levels")
    assert first(earliest[f"fractal_{side}"]) == 5


def test_swings_when_prices_turn_at_once_then_are_known_at_the_earliest_documented_bar() -> None:
    prices = (100.0, 90.0, 100.0, 100.0)
    ours = figures(bars_of([(p, p, p, p, 1.0) for p in prices]), "levels", reversal=0.1)
    assert (first(ours["swing_high"]), first(ours["swing_low"])) == (2, 3)
    assert (ours["swing_high"][1], ours["swing_low"][2]) == (100.0, 90.0)


def test_pivots_when_tops_are_equal_then_the_first_of_them_is_the_turning_point() -> None:
    prices = (1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 0.5, 0.4)
    ours = figures(bars_of([(p, p, p, p, 1.0) for p in prices]), "levels", left=2, right=2)
    assert first(ours["pivot_high"]) == 5
    assert np.isnan(ours["fractal_high"]).all(), "a fractal stands alone"


@pytest.mark.parametrize("family", CALLS)
def test_indicators_when_run_in_two_blocks_then_give_the_same_bits(family: str) -> None:
    bars = walk(700, seed=14)
    whole, cut = runner_of(program(family)), runner_of(program(family))
    parts = [cut.run(bars[:333], [0]).series]
    after = runner_of(program(family))
    after.restore(cut.state())
    parts.append(after.run(bars[333:], [0]).series)
    assert np.concatenate(parts, axis=1).tobytes() == whole.run(bars, [0]).series.tobytes()
