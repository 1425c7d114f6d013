"""The kernel trades random accounts exactly as the slow simulator of `docs/trading.md` does.

Same fills, trades, refusals, trips and marks, prices to the tick and money to 1e-8, over made bars
always and over 5,000 recorded ones where there are any; five hundred accounts in the long run.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application.ports import BAR
from infrastructure.feeds.recorded import open_recorded
from tests.kernel_runs import MINUTE, Array
from tests.trading_accounts import compare, differences, tally, trial_of
from tests.trading_bars import BARS, made_bars
from tests.trading_simulator_terms import Outcome
from tests.trading_simulator_trials import by_kernel

DAY = 1440 * MINUTE
USUAL = (  # what enough accounts must have met
    "stop",
    "trail",
    "target",
    "target_2",
    "target_3",
    "time_limit",
    "soft_time",
    "reverse",
    "operator",
    "liquidation",
    "funded",
    "ruined",
    "RISK_STOP_MISSING",
    "RISK_MINIMUM",
    "RISK_MARGIN_FRACTION",
    "RISK_MARGIN_ABSOLUTE",
    "RISK_NOTIONAL",
    "RISK_POSITIONS",
    "RISK_DAILY_LOSS",
    "RISK_LOSSES",
    "trip RISK_DAILY_LOSS",
    "trip RISK_WEEKLY_LOSS",
    "trip RISK_MONTHLY_LOSS",
    "trip RISK_LOSSES",
    "trip RISK_RAPID_LOSS",
    "clear RISK_DAILY_LOSS",
    "clear RISK_LOSSES",
    "clear RISK_RAPID_LOSS",
)


@dataclass(frozen=True)
class Source:
    """Recorded candles; `days` from `first` (ms) on, a run of 5,000 bars may begin anywhere."""

    venue: str
    symbols: tuple[str, ...]
    timeframe: str
    base_ms: int
    first: int
    days: int


SPOT = tuple(f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "BNB"))
PERPETUAL = ("BTC/USDT:USDT", "ETH/USDT:USDT")  # with recorded funding
FIVE = 5 * MINUTE
SOURCES = (
    Source("binance", ("BTC/USDT",), "1m", MINUTE, 1_721_174_400_000, 720),
    Source("binanceusdm", ("BTC/USDT:USDT",), "5m", FIVE, 1_698_796_800_000, 800),
    Source("bitfinex", ("LTC/USD",), "1m", MINUTE, 1_388_620_800_000, 280),  # full of holes
    Source("binance", SPOT, "5m", FIVE, 1_735_603_200_000, 390),
    Source("binanceusdm", PERPETUAL, "5m", FIVE, 1_735_603_200_000, 390),
)


def recorded(directory: Path, seed: int) -> tuple[dict[str, Array], int]:
    """Bars of a seed by symbol, and their length; of several, each lacks some here and there."""
    source = SOURCES[seed % len(SOURCES)]
    rng = np.random.default_rng((seed, 3))
    start = source.first + int(rng.integers(source.days)) * DAY
    names = list(source.symbols)
    if len(names) > 2:
        names = rng.choice(names, int(rng.integers(2, 5)), replace=False).tolist()
    bars = {name: rows_of(directory, source, name, start) for name in names}
    if len(names) > 1:
        bars = {name: each[rng.random(len(each)) < 0.98] for name, each in bars.items()}
    return bars, source.base_ms


def rows_of(directory: Path, source: Source, symbol: str, start: int) -> Array:
    feed = open_recorded(directory, source.venue, symbol, source.timeframe, start)
    parts = [np.empty(0, BAR)]
    last = -1
    while sum(map(len, parts)) < BARS:
        parts.append(feed.read(last, BARS - sum(map(len, parts)), 60.0).copy())
        last = int(parts[-1]["timestamp"][-1])
    feed.close()
    return np.concatenate(parts)


def met(
    seeds: Sequence[int], bars_of: Callable[[int], tuple[dict[str, Array], int]]
) -> Counter[str]:
    """Compare the trials of some seeds; gives how often what happened."""
    found: Counter[str] = Counter()
    for seed in seeds:
        bars, base_ms = bars_of(seed)
        found += tally(compare(trial_of(seed, bars, base_ms)))
    return found


@pytest.mark.parametrize(
    ("symbols", "seeds", "count"), [(1, range(5), BARS), (3, range(5, 7), 3_000), (16, [7], 300)]
)
def test_accounts_when_made_bars_are_traded_then_the_kernel_agrees_with_the_simulator(
    symbols: int, seeds: Sequence[int], count: int
) -> None:
    found = met(seeds, lambda seed: (made_bars(seed, symbols, count), MINUTE))
    assert found["accounts"] == 2 * len(seeds)
    assert found["accounts that traded"] >= len(seeds)
    assert found["marks"] > 0


def test_accounts_when_recorded_bars_are_traded_then_the_kernel_agrees_with_the_simulator(
    real_data: Path,
) -> None:
    found = met(range(1000, 1005), lambda seed: recorded(real_data, seed))
    assert found["accounts"] == 10
    assert found["accounts that traded"] >= 4
    assert found["marks"] > 0


@pytest.mark.long
@pytest.mark.parametrize("first", [2000, 2125])  # halves, for two workers
def test_accounts_when_five_hundred_trade_then_the_kernel_agrees_with_the_simulator(
    first: int, real_data: Path
) -> None:
    found = met(range(first, first + 125), lambda seed: recorded(real_data, seed))
    assert found["accounts"] == 250
    assert found["accounts that traded"] >= 125
    assert [name for name in USUAL if not found[name]] == []


# That a difference would be seen


def traded() -> Outcome:
    for seed in range(20):
        outcome = by_kernel(trial_of(seed, made_bars(seed)))[0][0]
        if outcome.trades and outcome.refusals and outcome.trips and outcome.funded:
            return outcome
    raise AssertionError("no account of these seeds traded, was refused and tripped")


def told_otherwise(outcome: Outcome, kind: str, what: list[Any]) -> Outcome:
    other = replace(outcome)
    setattr(other, kind, what)
    return other


def test_comparison_when_one_thing_is_otherwise_then_names_it() -> None:
    outcome = traded()
    assert list(differences(outcome, outcome)) == []
    for kind, change in (
        ("fills", {"fee": outcome.fills[-1].fee + 1}),
        ("fills", {"price": outcome.fills[-1].price + 1}),
        ("trades", {"net": outcome.trades[-1].net + 1}),
        ("trades", {"reason": "operator "}),
        ("funded", {"paid": outcome.funded[-1].paid + 1}),
        ("refusals", {"code": "RISK_OTHER"}),
        ("refusals", {"limit": outcome.refusals[-1].limit + 1}),
        ("trips", {"until": 0}),
        ("clears", {"step": 0}),
        ("marks", {"cash": outcome.marks[-1].cash + 1}),
    ):
        whole = getattr(outcome, kind)
        other = told_otherwise(outcome, kind, [*whole[:-1], replace(whole[-1], **change)])
        assert [wrong.split("[")[0] for wrong in differences(outcome, other)] == [kind]
        if kind != "marks":  # the kernel tells some of them
            shorter = told_otherwise(outcome, kind, whole[:-1])
            assert [wrong.split(" ")[0] for wrong in differences(outcome, shorter)] == [kind]
