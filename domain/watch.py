"""The watch over a version that trades live: when it is to be improved, and when it has to go.

Three losses in a row are common at a win rate of 71 %, and pause it; what demotes it is a win rate
that is no accident, or loss limits hit again and again. Kept of its own live trades alone.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.timeframe import DAY

FLOOR: Final = Decimal("0.65")  # win rate below which something is wrong
RECENT: Final = 50  # trades that call for an improvement
LONG: Final = 100  # trades that call for a demotion
TRIPS: Final = 3  # of loss limits, within a week, that do so too
WEEK_MS: Final = 7 * DAY
RAPID: Final = "RISK_RAPID_LOSS"
COUNTED: Final = frozenset(("RISK_DAILY_LOSS", "RISK_WEEKLY_LOSS", "RISK_MONTHLY_LOSS", RAPID))

Alarm = Literal["none", "improve", "demote"]


class Watch(Struct, frozen=True):
    """What is remembered of one version's live trades."""

    trades: int = 0  # closed
    outcomes: tuple[bool, ...] = ()  # won or not, of the last `LONG`
    trips: tuple[int, ...] = ()  # when (ms), of the last week
    called_at: int = -RECENT  # trades when it last called for an improvement
    rapid_on: int = -1  # UTC day on which the limit on rapid losses last counted


def closed(watch: Watch, net: Decimal) -> Watch:
    """Take a closed trade: net ≤ 0 is a loss."""
    outcomes = (*watch.outcomes, net > 0)[-LONG:]
    return replace(watch, trades=watch.trades + 1, outcomes=outcomes)


def tripped(watch: Watch, code: str, at: int) -> Watch:
    """Take a breaker of its account that tripped at `at` (ms).

    One rapid loss trips its breaker again and again while it is in sight: it counts once a day, as
    the daily limit does.
    """
    if code not in COUNTED or (code == RAPID and watch.rapid_on == at // DAY):
        return watch
    trips = (*(t for t in watch.trips if t > at - WEEK_MS), at)
    return replace(watch, trips=trips, rapid_on=at // DAY if code == RAPID else watch.rapid_on)


def called(watch: Watch) -> Watch:
    """An improvement was asked for: it is not asked for again before as many trades have closed."""
    return replace(watch, called_at=watch.trades)


def alarm(watch: Watch) -> tuple[Alarm, str]:
    """Judge the watch; also say why, in words with every figure."""
    if len(watch.trips) >= TRIPS:
        return "demote", f"{len(watch.trips)} loss limits within a week, at most {TRIPS - 1} may be"
    if len(watch.outcomes) >= LONG and below(watch.outcomes):
        return "demote", told(watch.outcomes)
    recent = watch.outcomes[-RECENT:]
    rested = watch.trades - watch.called_at >= RECENT
    if rested and len(recent) >= RECENT and below(recent):
        return "improve", told(recent)
    return "none", ""


def below(outcomes: Sequence[bool]) -> bool:
    return sum(outcomes) < FLOOR * len(outcomes)


def told(outcomes: Sequence[bool]) -> str:
    return f"{sum(outcomes)} of the last {len(outcomes)} trades won, must be {FLOOR} of them"
