"""Trials over recorded bars: every account as a run of its set alone."""

from pathlib import Path

import numpy as np
import pytest

from application.kernel_rows import limits_row, market_row
from application.ports import FeedFinished
from domain.limits import effective
from infrastructure.feeds.recorded import open_recorded
from kernels.sweep.trials import Span, TrialSettings, trials
from tests.kernel_runs import CAPITAL, MINUTE, SHIPPED, Array, program_of
from tests.trial_runs import DAY, held_against, some

BASES = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "BNB")
NAMES = ("vwap_reversion", "ema_trend")
BEGIN = 1_760_054_400_000  # 2025-10-10, when all of them fell together
DAYS = 9


def recorded(folder: Path, base: str) -> tuple[Array, Array]:
    """A few weeks of a symbol's five-minute bars, and its market."""
    feed = open_recorded(folder, "binance", f"{base}/USDT", "5m", BEGIN - 5 * DAY)
    row = market_row(feed.describe().instruments[0])
    parts, after = [], -1
    try:
        while after < BEGIN + DAYS * DAY:
            parts.append(feed.read(after, 4096, 60.0).copy())
            after = int(parts[-1]["timestamp"][-1])
    except FeedFinished:
        pass
    feed.close()
    return np.concatenate(parts), row


@pytest.mark.parametrize("name", NAMES)
def test_trials_when_bars_are_recorded_then_each_account_is_that_of_a_run_alone(
    real_data: Path, name: str
) -> None:
    program = program_of(next(path for path in SHIPPED if path.stem == name))
    stretch, markets = zip(*(recorded(real_data, base) for base in BASES), strict=True)
    terms = TrialSettings(markets, limits_row(effective()), 8, CAPITAL, 5 * MINUTE)
    spans = (Span(BEGIN, BEGIN + 4 * DAY), Span(BEGIN + 5 * DAY, BEGIN + DAYS * DAY))
    sets = some(program, 12, seed=1)
    found = trials(program, stretch, sets, terms, spans, threads=2)
    assert found.trades.sum() > 200
    held_against(found, program, stretch, sets, terms, spans, accounts=(0, 5, 11))
