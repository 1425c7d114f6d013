"""The end of a recorded run: its sealed bars are looked at, once for every strategy.

The bars lie in a journal of their own, beside those that were traded: they are part of no step.
"""

from collections.abc import Callable
from hashlib import sha256

from application.improvement.holdout import score
from application.improvement.study import WARM_DAYS
from application.ports import RECORD_BYTES, BarJournal, moments
from application.trading.desk import Desk
from application.trading.kernel import Program
from application.trading.recoding import settings_of, subject
from domain.cause import Cause
from domain.event import Event
from domain.ids import HOLDOUT
from domain.strategy import commands as ask
from domain.strategy.aggregate import Version
from domain.timeframe import DAY

FIRST = "v1"
MOST = 10_000_000  # moments


Compiled = Callable[[Version], Program]


def unseal(
    desk: Desk, name: str, journal: BarJournal, compiled: Compiled, actor: str
) -> list[Event]:
    """Open the holdout for one strategy: score its first version, and its champion.

    Raises `domain.errors.Forbidden` where it was opened before.
    """
    at, sealed = desk.next_bar, journal.read(-1, MOST)
    times = moments(sealed)
    start, end = int(times[0]), int(times[-1]) + desk.base_ms
    symbols = [market.symbol for market in desk.markets]
    records = {symbol: journal.records(symbol, start, end) for symbol in symbols}
    opening = ask.OpenHoldout(
        cause=Cause(HOLDOUT, "", actor, at, at),
        start=start,
        end=end,
        rows={symbol: len(data) // RECORD_BYTES for symbol, data in records.items()},
        sha256={symbol: sha256(data).hexdigest() for symbol, data in records.items()},
    )
    (opened,) = desk.ask(name, opening)
    strategy = desk.strategies[name]
    wanted = dict.fromkeys((FIRST, strategy.champion))
    versions = [found for version in wanted if (found := strategy.find(version)) is not None]
    told = score(
        [(v.name, subject(compiled(v), v.parameters)) for v in versions],
        desk.history.between(max(desk.first_bar, start - WARM_DAYS * DAY), start),
        sealed,
        settings_of(desk),
        name,
        desk.threads,
        desk.regimes.told(),
    )
    cause = Cause(HOLDOUT, opened.event_id, "engine", at)
    desk.ask(name, ask.ScoreHoldout(cause=cause, scores=told))
    return desk.take_events()
