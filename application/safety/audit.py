"""A home's safety, proved from its log: breakers, limits and refusals of every account.

From the events and the sealed bars alone: each account's equity at every close, and so every trip,
every clearing and every refusal is recomputed and held against what was recorded. None may differ,
none may be missing, no entry may have been placed while a breaker held or beyond a limit.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import reduce
from math import floor

from msgspec import Struct

from application.ports import BarJournal, Bars, LogReader, moments
from application.safety.account import Counts, Walk
from application.safety.finding import Finding, Unequal
from application.safety.standing import Standing
from application.sealed import changed_day
from domain import home, tightening
from domain.ids import signals_stream, step_bar, strategy_stream
from domain.instrument import Instrument
from domain.limits import Limits, effective
from domain.portfolio.events import AccountOpened
from domain.signals import SignalRaised
from domain.tightening import BOUNDS, STREAM, InForce, LimitTightened, figure, is_tighter
from domain.timeframe import milliseconds

ACCOUNTS = "portfolio/"  # what their streams' names begin with
BLOCK = 4096  # bars at a time
PAGE = 1000  # events at a time

Held = tuple[tuple[int, Limits], ...]  # from which bar which limits hold, oldest first


class NoHome(Exception):
    """The log is not a home's: there is nothing to audit."""


class SafetyReport(Struct, frozen=True, kw_only=True):
    """What was recomputed; all of it was equal unless `first` says otherwise."""

    accounts: int
    bars: int  # base bars walked, for each account
    last_bar: int | None  # open of the last one, ms UTC
    entries: int
    trips: int
    clears: int
    refusals: int
    first: Finding | None  # the earliest difference


def audit(
    log: LogReader,
    journal: BarJournal,
    limits: Limits | None = None,
    progress: Callable[[str], None] = lambda account: None,
) -> SafetyReport:
    """Recompute every account of a home and tell the first difference.

    `limits` are those that hold while nobody has tightened one. `progress` is told each account's
    name before it is walked. Open the journal after the log. Memory does not grow with the log.
    Raises `NoHome`.
    """
    last = last_step(log)
    opened = reduce(home.evolve, log.stream(home.STREAM), home.Home())
    if opened.version == 0:
        raise NoHome("the log is not a home's: it has no home.opened event")
    held, finding = limits_held(log, limits or effective())
    finding = finding or changed_bars(log, journal)
    counts, accounts, findings = Counts(), 0, [] if finding is None else [finding]
    bars = 0 if last is None else count(journal, last)
    for account in () if finding is not None else log.streams(ACCOUNTS):
        progress(account)
        accounts += 1
        found = walk_account(log, journal, account, opened, held, last, counts)
        findings += [] if found is None else [found]
    return SafetyReport(
        accounts=accounts,
        bars=bars,
        last_bar=last,
        entries=counts.entries,
        trips=counts.trips,
        clears=counts.clears,
        refusals=counts.refusals,
        first=min(findings, key=lambda f: (f.bar, f.account), default=None),
    )


def last_step(log: LogReader) -> int | None:
    """Find the last bar whose step is in the log."""
    saved = log.checkpoint()
    if saved is not None:
        return saved.last_bar
    head = log.head()
    while head > 0:
        page = log.read(max(0, head - PAGE), PAGE)
        steps = [step_bar(entry.event.correlation_id) for entry in page if entry.position <= head]
        found = [step for step in steps if step is not None]
        if found:
            return max(found)
        head -= PAGE
    return None


def limits_held(log: LogReader, base: Limits) -> tuple[Held, Finding | None]:
    """Find which limits held from which bar on, and a tightening that was none."""
    state, held = InForce(base), [(0, base)]
    for event in log.stream(STREAM):
        if not isinstance(event, LimitTightened):
            continue
        bar = event.effective_at or event.occurred_at
        bound = BOUNDS.get(event.name)
        now = None if bound is None else figure(state.limits, event.name)
        if bound is None or now is None or not is_tighter(bound, event.new, now):
            expected = "a limit that is known" if now is None else f"tighter than {now:f}"
            return tuple(held), odd_limit(event, bar, expected)
        if event.old != now:
            return tuple(held), odd_limit(event, bar, f"from {now:f}")
        state = tightening.evolve(state, event)
        held.append((bar, state.limits))
    return tuple(held), None


def odd_limit(event: LimitTightened, bar: int, expected: str) -> Finding:
    found = f"{event.event_id}: from {event.old:f} to {event.new:f}"
    return Finding(account=STREAM, bar=bar, code=event.name, expected=expected, found=found)


def changed_bars(log: LogReader, journal: BarJournal) -> Finding | None:
    changed = changed_day(log, journal)
    if changed is None:
        return None
    sealed, found = changed.sealed, changed.found
    return Finding(
        account=sealed.stream,
        bar=sealed.start,
        code="BARS",
        expected=f"{sealed.rows} bars of sha256 {sealed.sha256}",
        found=f"{found.rows} bars of sha256 {found.sha256}",
    )


def walk_account(
    log: LogReader,
    journal: BarJournal,
    account: str,
    opened: home.Home,
    held: Held,
    last: int | None,
    counts: Counts,
) -> Finding | None:
    """Walk one account to the last step; give the first difference."""
    events = log.stream(account)
    first = next(events, None)
    if not isinstance(first, AccountOpened):
        found = "nothing" if first is None else f"{first.event_id} {first.TOPIC}"
        bar = 0 if first is None else first.occurred_at
        return Finding(
            account=account, bar=bar, code="OPENED", expected="portfolio.opened/1", found=found
        )
    walk = Walk(
        first,
        events,
        signals_of(log, first),
        standing_of(log, first),
        {i.symbol: i for i in opened.instruments},
        milliseconds(opened.timeframe),
    )
    walk.counts = counts
    bar = first.occurred_at
    try:
        for bar, closes, arrived in closes_of(journal, opened.instruments, last):
            walk.step(bar, closes, arrived, limits_at(held, bar))
        left = walk.event
        step = None if left is None else step_bar(left.correlation_id)
        if left is not None and (step is None or last is None or step <= last):
            raise Unequal("STEP", "events of steps that have a bar", left.event_id)
    except Unequal as unequal:
        return Finding(
            account=account,
            bar=bar,
            code=unequal.code,
            expected=unequal.expected,
            found=unequal.found,
        )
    return None


def standing_of(log: LogReader, opened: AccountOpened) -> Standing:
    stream = strategy_stream(opened.strategy)
    return Standing(stream, log.stream(stream), opened.version, opened.mode == "live")


def signals_of(log: LogReader, opened: AccountOpened) -> Iterator[SignalRaised]:
    """Give what an account's versions said, in order: the streams are one for each month.

    Of a paper account there is one; a live account may be any version's.
    """
    prefix = signals_stream(opened.strategy, 0).rsplit("/", 1)[0] + "/"
    for stream in log.streams(prefix):
        for event in log.stream(stream):
            theirs = opened.mode == "live" or getattr(event, "version", "") == opened.version
            if isinstance(event, SignalRaised) and theirs:
                yield event


def closes_of(
    journal: BarJournal, instruments: Sequence[Instrument], last: int | None
) -> Iterator[tuple[int, dict[str, Decimal], set[str]]]:
    """Give each moment with every symbol's last close, on the grid, and which have a bar there.

    Up to the last step.
    """
    closes: dict[str, Decimal] = {}
    after = -1
    while last is not None:
        stretch = journal.read(after, BLOCK)
        times: list[int] = moments(stretch).tolist()
        if not times:
            return
        arriving = [prices_by_time(bars) for bars in stretch]
        for time in times:
            if time > last:
                return
            here = {
                instrument.symbol: on_grid(instrument, prices[time])
                for instrument, prices in zip(instruments, arriving, strict=True)
                if time in prices
            }
            closes = {**closes, **here}
            yield time, closes, set(here)
        after = times[-1]


def prices_by_time(bars: Bars) -> dict[int, float]:
    return dict(zip(bars["timestamp"].tolist(), bars["close"].tolist(), strict=True))


def on_grid(instrument: Instrument, price: float) -> Decimal:
    return instrument.tick * floor(price / float(instrument.tick) + 0.5)


def count(journal: BarJournal, last: int) -> int:
    total, after = 0, -1
    while True:
        times = moments(journal.read(after, BLOCK))
        total += int((times <= last).sum())
        if len(times) == 0 or times[-1] >= last:
            return total
        after = int(times[-1])


def limits_at(held: Held, bar: int) -> Limits:
    if len(held) == 1:
        return held[0][1]
    return next(limits for since, limits in reversed(held) if since <= bar)
