"""What holds for every strategy that ships, whatever it believes.

Each is run over bars of its own timeframe, so that it sees thousands of them.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from kernels import dtypes, warmup
from kernels.frontend.flat import TIMEFRAMES
from kernels.program import Program
from tests.kernel_runs import MINUTE, SHIPPED, Array, program_of, walk
from tests.strategy_charts import runner_for

EVERY = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
BARS = 16_000  # of the strategy's timeframe
APLUS = {"htf_sweep", "volume_breakout", "divergence_capitulation"}
TEN = {
    "vwap_reversion",
    "market_maker",
    "bollinger_reversion",
    "rsi_extremes",
    "macd_momentum",
    "ema_trend",
    "donchian_breakout",
    "keltner_squeeze",
    "supertrend_follow",
    "session_breakout",
}
AT_AN_END = {"share", "surge", "threshold"}  # all agree; twice the volume; every signal
OTHERS = {"regime_rules", "consensus_bot", "rsi_macd_consensus", "signal_follower"}


def wandering(program: Program, count: int = BARS, seed: int = 9) -> tuple[Array, int]:
    """Bars of the strategy's timeframe, and their length, ms; some hours trade much more."""
    step = TIMEFRAMES[program.timeframe] * MINUTE
    bars = walk(count, seed=seed, price=8_000.0)
    assert bars["low"].min() > 0
    bars["timestamp"] = bars["timestamp"][0] + step * np.arange(count)
    bars["volume"][::37] *= 6
    return bars, step


def test_strategies_when_listed_then_are_those_that_the_system_is_known_for() -> None:
    assert {path.stem for path in SHIPPED} == APLUS | TEN | OTHERS


def test_page_when_read_then_tells_of_every_strategy_and_what_it_did() -> None:
    page = (SHIPPED[0].parent.parent / "docs" / "strategies.md").read_text(encoding="utf-8")
    listed, told = page.split("## What they did")
    names = [path.stem for path in SHIPPED]
    assert sorted(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == names
    assert re.findall(r"^\| ([a-z]\w+) \| \d", told, re.MULTILINE) == names * told.count("###")
    for path in SHIPPED:
        (row,) = re.findall(rf"^\| `{path.stem}` \| (.+)$", listed, re.MULTILINE)
        program = program_of(path)
        assert row.startswith(", ".join((program.timeframe, *program.flat.higher)))
        tags = re.findall(r"`(\w+)`", row.split(" | ")[-1])
        assert path.stem == "regime_rules" or tags == [*program.tags[1:]]


@EVERY
def test_strategy_when_read_then_says_what_it_believes_and_where_it_is_from(path: Path) -> None:
    program = program_of(path)
    text = program.docstring
    first, rest = text.split("\n\n", 1)
    assert "\n" not in first
    assert "Logic: " in rest
    assert re.search(r"Source: [^\n]{20,}", rest)
    assert len(program.tags) == len(set(program.tags)) >= 2  # index 0 is no tag
    assert program.series_names


@EVERY
def test_parameters_when_declared_then_a_search_has_room_around_the_start(path: Path) -> None:
    for parameter in program_of(path).parameters:
        assert parameter.low < parameter.high
        inside = parameter.low < parameter.default < parameter.high
        assert inside or parameter.name in AT_AN_END or parameter.name.startswith("use_")


@pytest.mark.parametrize("name", sorted(TEN))
def test_ten_when_they_begin_then_with_the_same_crude_figures(name: str) -> None:
    (path,) = (path for path in SHIPPED if path.stem == name)
    begin = {p.name: p.default for p in program_of(path).parameters}
    assert (begin["deviation"], begin["loss"], begin["first"]) == (0.002, 0.003, 0.0026)


@EVERY
def test_strategy_when_the_future_is_noise_then_decides_the_same(path: Path) -> None:
    program = program_of(path)
    bars, step = wandering(program)
    whole = runner_for(program, step).run(bars, [0])
    signals = whole.records[0][whole.records[0][:, dtypes.KIND] == dtypes.SIGNAL, dtypes.BAR_INDEX]
    assert len(signals) >= 4
    later = False
    for cut in np.quantile(signals, [0.3, 0.8]).astype(int):
        noisy = bars.copy()
        noise, _ = wandering(program, BARS - cut, seed=4)
        for name in ("open", "high", "low", "close", "volume"):
            noisy[name][cut:] = noise[name] * 1.3
        other = runner_for(program, step).run(noisy, [0])
        ours, theirs = (run.records[0] for run in (whole, other))
        kept = [run[run[:, dtypes.BAR_INDEX] < cut].tobytes() for run in (ours, theirs)]
        assert kept[0] == kept[1]
        assert whole.series[:, :cut].tobytes() == other.series[:, :cut].tobytes()
        later = later or ours.tobytes() != theirs.tobytes()
    assert later, "the noise must matter later"


@EVERY
def test_strategy_when_its_warm_up_is_over_then_every_figure_is_there(path: Path) -> None:
    program = program_of(path)
    told = warmup.measure(program).all
    assert told is not None
    bars, step = wandering(program, 6_000)
    block = runner_for(program, step).run(bars, [0])
    records = block.records[0]
    signals = records[records[:, dtypes.KIND] == dtypes.SIGNAL, dtypes.D].astype(int)
    there: Array = np.all(np.isfinite(block.series), axis=0)
    assert there[told - 1 :].all()
    assert not there[0]
    assert there[signals].all()
