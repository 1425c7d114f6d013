"""What versions do on the sealed end of a run: told once, with how little it may be told exactly.

Each version trades the sealed bars in a fresh account of sleeve B, its series warm from the bars
before. Nothing that comes out goes back into anything.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import numpy as np

from application.improvement.proving import Subject, annually, believable, rounded
from application.improvement.study import first_midnight
from application.ports import Stretch
from domain.gate import Gate, Tally, judge
from domain.money import PLACES, from_units
from domain.strategy.improvement import HoldoutScore
from domain.timeframe import DAY
from kernels.metrics.bootstrap import interval, sharpe_interval
from kernels.sweep.trials import Span, TrialSettings, trials
from kernels.told import Told


def score(
    subjects: Sequence[tuple[str, Subject]],
    before: Stretch,
    sealed: Stretch,
    settings: TrialSettings,
    seed: str,
    threads: int = 1,
    told: tuple[Told, ...] = (),
) -> tuple[HoldoutScore, ...]:
    """Score named versions on sealed bars that begin at a UTC midnight.

    `told`: of each symbol's regime before them; of theirs nobody said anything, so the rule stands.
    """
    return tuple(
        score_one(name, subject, before, sealed, settings, f"{seed}/{name}", threads, told)
        for name, subject in subjects
    )


def score_one(
    name: str,
    subject: Subject,
    before: Stretch,
    sealed: Stretch,
    settings: TrialSettings,
    seed: str,
    threads: int,
    told: tuple[Told, ...],
) -> HoldoutScore:
    first = min(int(bars["timestamp"][0]) for bars in sealed if len(bars))
    last = max(int(bars["timestamp"][-1]) for bars in sealed if len(bars))
    span = Span(first // DAY * DAY, first_midnight(last + settings.base_ms))
    stretch = [np.concatenate([b, s]) for b, s in zip(before, sealed, strict=True)]
    table = {key: np.array([value]) for key, value in subject.parameters.items()}
    found = trials(subject.program, stretch, table, settings, [span], told=told, threads=threads)
    days = found.pnl[0].astype(np.int64)
    trades, wins = int(found.trades[0].sum()), int(found.wins[0].sum())
    profit, loss = (from_units(float(part[0].sum())) for part in (found.profit, found.loss))
    verdict = judge(Tally(trades, wins, profit, loss), (), Gate(), 1, bool(found.ruined[0].any()))
    real = believable(days)
    net, ratios = (interval(days, seed), sharpe_interval(days, seed)) if real else (None, None)
    return HoldoutScore(
        version=name,
        trades=trades,
        wins=wins,
        net=from_units(float(days.sum())),
        net_low=None if net is None else money(net[0] * len(days)),
        net_high=None if net is None else money(net[1] * len(days)),
        sharpe=rounded(annually(days)),
        sharpe_low=None if ratios is None else rounded(ratios[0]),
        sharpe_high=None if ratios is None else rounded(ratios[1]),
        passes_gate=verdict.passed,
    )


def money(units: Fraction) -> Decimal:
    """Give 1e-8 quote as quote, rounded to the last of them."""
    whole = Decimal(units.numerator) / Decimal(units.denominator)
    return whole.quantize(Decimal(1), rounding=ROUND_HALF_EVEN).scaleb(-PLACES)
