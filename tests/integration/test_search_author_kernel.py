"""The offline author on the real kernel: an edge that was planted is found, before the split."""

from collections.abc import Mapping, Sequence

import numpy as np

from application.improvement.authoring import Scores
from application.improvement.ranking import figures_of
from application.improvement.search.author import SearchAuthor
from kernels import dtypes
from kernels.program import Program, compile_strategy
from kernels.sweep.trials import Span, TrialSettings, trials
from tests.kernel_runs import CAPITAL, MINUTE, START, Array, limits, market
from tests.llm_samples import analysis, brief, pattern

DAY = 1440 * MINUTE
BAR = 15 * MINUTE
DAYS = 48
WARM = 2  # days before the first that is scored
# The price leans on a level and comes back to it within some ten bars, with a wick or two on the
# way: a fade with room earns, and this one is stopped out by the wicks.
CHAMPION = '''"""Fade a stretch, with a stop inside the noise."""

timeframe("15m")
lookback = param(48, 10, 100)  # bars
width = param(1.0, 0.5, 4.0)  # standard deviations
loss = param(0.002, 0.001, 0.05)  # stop, fraction of price
hold = param(4, 1, 48)  # bars

mid = sma(close, lookback)
spread = stdev(close, lookback)


def entry():
    if close < mid - width * spread:
        return long(tag="below")
    if close > mid + width * spread:
        return short(tag="above")
    return FLAT


def exits():
    return plan(stop=loss * position.entry_price, max_bars=hold)
'''


def leaning(count: int, seed: int) -> Array:
    """Bars of a price that comes back to its level; moves are half noise, half way home."""
    rng = np.random.default_rng(seed)
    away, closes = 0.0, []
    for shock in rng.normal(0.0, 0.004, count):
        away = 0.9 * away + shock
        closes.append(8_000.0 * (1.0 + away))
    close = np.round(np.array(closes), 2)
    opened = np.concatenate([[8_000.0], close[:-1]])
    wicks = np.abs(rng.normal(0.0, 0.002, (2, count))) * 8_000.0
    bars = np.zeros(count, dtypes.BAR)
    bars["timestamp"] = START + BAR * np.arange(count)
    bars["open"], bars["close"] = opened, close
    bars["high"] = np.round(np.maximum(opened, close) + wicks[0], 2)
    bars["low"] = np.round(np.minimum(opened, close) - wicks[1], 2)
    bars["volume"] = np.round(rng.gamma(2.0, 5.0, count), 5)
    return bars


class KernelBench:
    """Trades sets on bars, in one window."""

    def __init__(self, bars: Array) -> None:
        self.stretch = [bars]
        costs = market(maker=0.0002, taker=0.0005, slippage=0.0002, perpetual=1.0)
        self.settings = TrialSettings((costs,), limits(enforced=True), 8, CAPITAL, BAR)
        self.spans = [Span(START + WARM * DAY, START + DAYS * DAY)]
        self.sources: list[str] = []

    def compile(self, text: str) -> Program:
        return compile_strategy(text, "fade")

    def score(self, program: Program, sets: Sequence[Mapping[str, float]]) -> Scores:
        if program.text not in self.sources:
            self.sources.append(program.text)
        table = {p.name: np.array([s[p.name] for s in sets]) for p in program.parameters}
        found = trials(program, self.stretch, table, self.settings, self.spans, threads=1)
        return Scores(found.pnl.astype(np.int64), found.trades.sum(axis=1), found.wins.sum(axis=1))


def test_edge_when_planted_then_the_search_finds_it_and_the_champion_had_not() -> None:
    bench = KernelBench(leaning(DAYS * 96, seed=5))
    told = brief(
        text=CHAMPION,
        parameters={},
        past=(),
        number=1,
        candidates=4,
        analysis=analysis(pattern("STOP_TOO_TIGHT")),
    )
    answer = SearchAuthor().write(told, bench)
    assert (answer.code, answer.refused, answer.scored) == ("", (), 24)
    assert len(bench.sources) == 3
    best = answer.candidates[0]
    program = bench.compile(best.text)
    (now,) = figures_of(bench.score(program, [best.parameters]), 1)
    champion = bench.compile(CHAMPION)
    (was,) = figures_of(bench.score(champion, [champion.resolve({})]), 1)
    assert was is not None
    assert now is not None
    assert str(now) in best.hypothesis  # what it says is what the kernel says again
    assert str(was) in best.hypothesis
    assert was.net < 0 < now.net
    assert was.worse < 0 < now.worse
    fresh = KernelBench(leaning(DAYS * 96, seed=6))  # bars of the same kind that it never saw
    (unseen,) = figures_of(fresh.score(program, [best.parameters]), 1)
    assert unseen is not None
    assert unseen.net > 0


def test_answer_when_asked_of_the_kernel_twice_then_is_the_same() -> None:
    bars = leaning(DAYS * 24, seed=5)
    told = brief(text=CHAMPION, parameters={}, past=(), candidates=1)
    answers = [SearchAuthor().write(told, KernelBench(bars)) for _ in range(2)]
    assert answers[0] == answers[1]
