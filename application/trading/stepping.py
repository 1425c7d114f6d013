"""The trading step, over as many bars as come.

The order inside a step is fixed: seals and gaps due before the bar; timed pauses that ran out; what
happened at the open, by strategy, version, sleeve and symbol; what happened within the bar and at
its close, likewise; the seal of a day that is complete; what is seen to between steps. So the log
does not depend on how the bars were cut into blocks. Bars without an event cost no Python: the
kernel takes a block at once, and only its records are walked.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from msgspec.structs import replace

from application.ports import Bars, Stretch, between, moments, until
from application.trading.desk import Desk
from application.trading.kernel import Array, Block
from application.trading.scribe import Row, Scribe
from application.trading.seal import END, OPEN, PHASES, START, Due
from application.trading.tending import next_stop, tend
from domain.cause import Cause
from domain.event import Event
from domain.ids import step_correlation
from domain.strategy import commands as ask
from kernels.dtypes import AT_CLOSE, BAR_INDEX

Controls = Sequence[Sequence[int]]


def advance(
    desk: Desk, stretch: Stretch, *, holds: bool = False, classifies: bool = False
) -> list[Event]:
    """Take the next bars, journalled already; give the events of their steps, in order.

    Where an author's answer `holds` the feed, the bars after a request for one are left: those
    that open after `desk.last_bar` are to be given again. So it is where whoever `classifies`
    markets does.
    """
    union = moments(stretch)
    if len(union) == 0:
        return []
    desk.stretch = stretch
    before = [replace(sealer.state) for sealer in desk.sealers]
    due = sealed(desk, union)
    opens: list[int] = union.tolist()
    at, asked = 0, awaited(desk, holds, classifies)
    while at < len(opens):
        flush(desk, due, PHASES * at + START)
        resume_due(desk, opens[at])
        at += segment(desk, opens, at, segment_end(desk, opens, at), due)
        for run in desk.runs:
            run.saved = run.runner.state()
        desk.last_bar = opens[at - 1]
        tend(desk)
        if awaited(desk, holds, classifies) != asked:
            break
    if at < len(opens):
        stretch = until(stretch, opens[at])
        for sealer, state, bars in zip(desk.sealers, before, stretch, strict=True):
            sealer.state = state
            sealer.scan(bars, moments(stretch))
    for closes, bars in zip(desk.closes, stretch, strict=True):
        closes.advance(bars)
    desk.stretch = desk.nothing
    return desk.take_events()


def waiting(desk: Desk) -> list[str]:
    """Name the strategies that wait for an author's answer."""
    return [name for name, state in sorted(desk.strategies.items()) if state.waiting is not None]


def awaited(desk: Desk, holds: bool, classifies: bool) -> list[str]:
    """Name what no bar is taken without: strategies, and symbols with the span they are due in."""
    found = waiting(desk) if holds else []
    if classifies:
        found += [f"{symbol}@{desk.regimes.asked.span}" for symbol in desk.regimes.waiting]
    return found


def sealed(desk: Desk, union: Bars) -> deque[Due]:
    """Give the seals and gaps of all symbols that fall due, those of one moment by symbol."""
    due = [
        each
        for sealer, bars in zip(desk.sealers, desk.stretch, strict=True)
        for each in sealer.scan(bars, union)
    ]
    return deque(sorted(due, key=attrgetter("key")))


def flush(desk: Desk, due: deque[Due], key: int) -> None:
    while due and due[0].key <= key:
        desk.write(due.popleft().event)


def segment_end(desk: Desk, opens: Sequence[int], at: int) -> int:
    """Find where something is to be seen to next: control words hold for a whole segment."""
    untils = [s.paused_until for s in desk.strategies.values() if s.paused_until is not None]
    stops = [int(np.searchsorted(opens, until)) for until in untils]
    stops.append(next_stop(desk, opens, at))
    return min((stop for stop in stops if stop > at), default=len(opens))


def resume_due(desk: Desk, opened: int) -> None:
    for name in sorted(desk.strategies):
        state = desk.strategies[name]
        if state.paused_until is not None and state.paused_until <= opened:
            cause = Cause(step_correlation(opened), state.status_event, "engine", opened)
            desk.ask(name, ask.Resume(cause=cause, reason="the pause ran out", kind="derived"))


def segment(desk: Desk, opens: Sequence[int], first: int, end: int, due: deque[Due]) -> int:
    """Run bars [first, end), or fewer where an account had to be stopped; tell how many."""
    part = within(desk.stretch, opens, first, end)
    controls = [
        run.controls(desk.strategies[run.strategy], desk.holder(run.strategy)) for run in desk.runs
    ]
    blocks = run_all(desk, part, controls)
    stopped_at = write_down(desk, blocks, opens, first, due)
    if stopped_at is None or first + stopped_at == end - 1:
        flush(desk, due, PHASES * (end - 1) + END)
        return end - first
    flush(desk, due, PHASES * (first + stopped_at) + END)
    for run in desk.runs:
        run.runner.restore(run.saved)
    run_all(desk, within(desk.stretch, opens, first, first + stopped_at + 1), controls)
    return stopped_at + 1


def within(stretch: Stretch, opens: Sequence[int], first: int, end: int) -> Stretch:
    """Give the bars of moments [first, end)."""
    if len(stretch) == 1:
        return (stretch[0][first:end],)
    return between(stretch, opens[first], opens[end - 1] + 1)


def run_all(desk: Desk, stretch: Stretch, controls: Controls) -> list[Block]:
    return [run.runner.run(stretch, words) for run, words in zip(desk.runs, controls, strict=True)]


def write_down(
    desk: Desk, blocks: Sequence[Block], opens: Sequence[int], first: int, due: deque[Due]
) -> int | None:
    """Write the blocks' records as events; tell the bar of a disagreement, where all ends."""
    scribes: list[Scribe] = []
    records: list[Array] = []
    for run, block in zip(desk.runs, blocks, strict=True):
        for account, rows in zip(run.accounts, block.records, strict=True):
            scribes.append(Scribe(desk, run, account, block))
            wanted = desk.told_by(run, account) or run.accounts[0] is account
            records.append(rows if wanted else rows[:0])
    desk.cut = False
    stopped_at: int | None = None
    for bar, phase, lane, row in merged(records):
        if stopped_at is not None and bar > stopped_at:
            break
        if due:
            flush(desk, due, PHASES * (first + bar) + OPEN + phase)
        scribes[lane].take(row, opens[first + bar])
        if desk.cut:
            stopped_at, desk.cut = bar, False
    return stopped_at


def merged(records: Sequence[Array]) -> Iterator[tuple[int, int, int, Row]]:
    """Walk the lanes' records in step order: bar, open before close, lane, as they came."""
    busy = [(lane, rows) for lane, rows in enumerate(records) if len(rows)]
    if not busy:
        return
    every: Any = np.concatenate([rows for _, rows in busy])
    lanes = np.repeat([lane for lane, _ in busy], [len(rows) for _, rows in busy])
    keys = every[:, BAR_INDEX].astype(np.int64) * 2 + every[:, AT_CLOSE].astype(np.int64)
    order = np.argsort(keys, kind="stable")
    bars = (keys[order] >> 1).tolist()
    phases = (keys[order] & 1).tolist()
    yield from zip(bars, phases, lanes[order].tolist(), every[order].tolist(), strict=True)
