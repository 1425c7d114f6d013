"""What the use cases need from the outside, as contracts.

Every port says what it promises, what it raises and what may be called twice. Adapters live in
`infrastructure/`; hand-written fakes in `tests/`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from msgspec import Struct

from domain.event import Event
from domain.instrument import Instrument
from kernels.dtypes import BAR

__all__ = ["BAR"]  # re-exported: adapters know the bar layout through this port

Bars = np.ndarray[Any, Any]  # one-dimensional, dtype BAR

# Each symbol's bars of the same stretch of time, in the order of the instruments; any may be empty.
Stretch = tuple[Bars, ...]


def moments(stretch: Stretch) -> Bars:
    """Give the open times (int64, ms) at which at least one symbol has a bar, in order."""
    times: Bars = stretch[0]["timestamp"]
    if all(np.array_equal(times, bars["timestamp"]) for bars in stretch[1:]):  # as mostly
        return times
    return np.unique(np.concatenate([bars["timestamp"] for bars in stretch]))


def between(stretch: Stretch, start: int, end: int) -> Stretch:
    """Give each symbol's bars with start ≤ open < end (ms)."""
    bounds = (start, end)
    return tuple(bars[slice(*np.searchsorted(bars["timestamp"], bounds))] for bars in stretch)


def until(stretch: Stretch, end: int) -> Stretch:
    """Leave out the bars that open at `end` (ms) or later."""
    return tuple(bars[: int(np.searchsorted(bars["timestamp"], end))] for bars in stretch)


class LogEntry(Struct, frozen=True):
    """One event as the log holds it."""

    position: int  # 1, 2, 3 … without gaps
    recorded_at: int  # µs UTC, never decreasing
    event: Event


class Checkpoint(Struct, frozen=True):
    """Where trading stands: disposable, since log and sealed bars rebuild it.

    Saved in the transaction of the step it describes, so that a crash can never part the two.
    """

    last_bar: int  # open time of the last base bar whose step is in the log
    state: bytes  # the trading state, opaque to the store


class Batch(Struct, frozen=True, kw_only=True):
    """What commits together or not at all."""

    events: Sequence[Event]
    blobs: Mapping[str, bytes] = {}  # sha256 hex -> content
    checkpoint: Checkpoint | None = None


class Conflict(Exception):
    """A stream moved on: another writer used the version that this batch expected to be free."""


class LogFailed(Exception):
    """The log cannot take events (disk full, corrupt, read-only): nothing of the batch was kept."""


class LogReader(Protocol):
    """The reading half of the log: safe in any process, sees durable events only."""

    def head(self) -> int:
        """The last position, 0 for an empty log."""

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[LogEntry]:
        """Entries with position > after, in order, at most `limit`."""

    def stream(self, stream: str, after: int = 0) -> Iterator[Event]:
        """One stream's events with stream_version > after, in order."""

    def correlated(self, correlation_id: str) -> Sequence[LogEntry]:
        """Every entry with that correlation id, in order (an index serves it)."""

    def streams(self, prefix: str) -> Sequence[str]:
        """Names of the streams that begin so, sorted."""

    def blob(self, sha256: str) -> bytes:
        """Raises KeyError."""

    def checkpoint(self) -> Checkpoint | None:
        """The latest saved, if any."""

    def close(self) -> None:
        """Let go of the file. May be called twice."""


State = TypeVar("State")


class Fold(Struct, Generic[State], frozen=True):
    """How a stream becomes a state.

    `reducer` is `name/version`: raise the version whenever `evolve` or the state's fields change.
    The state must be a type msgspec can encode (a Struct, as all of the domain's are).
    """

    reducer: str
    initial: State
    evolve: Callable[[State, Event], State]


class Folded(Struct, Generic[State], frozen=True):
    """A stream's state after its event number `version`; 0: the stream has no events."""

    id: str
    version: int
    state: State
    replayed: int = 0  # events folded since the snapshot it began with


class EventLog(LogReader, Protocol):
    """The only truth: append-only, hash-chained, gapless.

    `submit` returns at once; its future gives the position of the batch's last event (the head, for
    a batch without events) once the batch is durable, or raises `Conflict` or `LogFailed`. Batches
    become durable in the order submitted. After `LogFailed` every later batch fails too, until
    `close`; a `Conflict` fails its own batch alone, but batches with a checkpoint build on one
    another: once one of them fails, every later one does. Reads see only durable events.
    """

    def submit(self, batch: Batch) -> "Future[int]": ...

    def append(self, batch: Batch) -> int:
        """Submit and wait."""

    def load(self, stream: str, fold: Fold[State]) -> Folded[State]:
        """Fold one stream, from its latest snapshot where there is one.

        A stream without events gives the initial state at version 0. Snapshots are a cache: with
        or without them the state is the same.
        """

    def close(self) -> None:
        """Drain, then close. May be called twice."""


class FeedDescription(Struct, frozen=True, kw_only=True):
    feed: str  # live | recorded | synthetic
    venue: str
    timeframe: str
    data_digest: str
    instruments: tuple[Instrument, ...]
    total: int | None = None  # bars it will give, where known
    note: str = ""  # what a reader should know, e.g. that bars are made from smaller ones


class FeedFinished(Exception):
    """There are no more bars, and there will be none."""


class FeedError(Exception):
    """The feed cannot deliver: unknown symbol, impossible timeframe, bad row (named), no venue."""


class Feed(Protocol):
    """Closed base bars of one symbol, oldest first.

    The caller keeps the cursor, so asking twice gives the same bars: a feed may be restarted
    anywhere. Bars are strictly increasing, aligned to the timeframe and sane (low ≤ open, close ≤
    high, prices > 0, volume ≥ 0); a bar that never came is simply absent.
    """

    def describe(self) -> FeedDescription: ...

    def read(self, after: int, limit: int, timeout: float) -> Bars:
        """Bars with timestamp > after: at least one and at most `limit`, or none when none arrived
        within `timeout` seconds. Raises FeedFinished, FeedError."""

    def decided(self) -> int:
        """Every bar that opens before this (ms) has come or never will. A feed that does not know
        says 0: then only a later bar tells that one is missing."""

    def close(self) -> None: ...


class MarketFeed(Protocol):
    """Closed base bars of all symbols together, moment by moment, oldest first.

    As `Feed`, for each symbol. A moment is given when every symbol's bar of it is there or is known
    to be missing, and so never twice: what comes later for it is left out.
    """

    def describe(self) -> FeedDescription: ...

    def read(self, after: int, limit: int, timeout: float) -> Stretch:
        """Bars with timestamp > after, of at least one and at most `limit` moments, or none at all
        when no moment was whole within `timeout` seconds. Raises FeedFinished, FeedError."""

    def close(self) -> None: ...


RECORD_BYTES = 64  # of a bar, as journalled and sealed


class BarJournal(Protocol):
    """The bars of all symbols that were used, durable before the step that used them.

    A moment is in it with all its bars or not at all: a torn tail (a crash in the middle of a
    write) is cut when the journal is opened.
    """

    def append(self, stretch: Stretch) -> None:
        """Write and fsync. Raises ValueError for a bar not after the last moment."""

    def last(self) -> int | None:
        """The last moment: open time of the last bar of any symbol."""

    def read(self, after: int, limit: int) -> Stretch:
        """Bars with timestamp > after, of at most `limit` moments."""

    def records(self, symbol: str, start: int, end: int) -> bytes:
        """A symbol's raw records with start ≤ timestamp < end, as sealed: RECORD_BYTES each."""

    def close(self) -> None: ...


class SweepConflict(Exception):
    """Another sweep has its parts where this one would keep its own: names what differs."""


class SweepParts(Protocol):
    """What a sweep has finished, kept so that a run that was stopped anywhere can go on.

    A part is there whole and durable, or not at all. Parts belong to one sweep, known by what it
    was asked: the same words find them again, other words are refused.
    """

    def open(self, identity: Mapping[str, str]) -> None:
        """Begin, or take up what is there. Raises SweepConflict; also while another process
        works on them."""

    def read(self, name: str) -> bytes | None:
        """Give a part's content; None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Keep a part, in place of an older one of that name."""

    def drop(self, name: str) -> None:
        """Forget a part, if it is there."""

    def remove(self) -> None:
        """Forget all of them: the sweep is done."""

    def close(self) -> None:
        """Let others work on them. May be called twice."""


class SweepColumn(Struct, frozen=True):
    """One column of a stretch of results.

    `kind`: whole (int64), number (double), money (whole 1e-8 quote as doubles), ratio (`Decimal` or
    None, eight places), flag or text.
    """

    name: str
    kind: str
    values: Any  # an array or a list


class SweepTable(Protocol):
    """Where the results of all sets go, as one table that appears complete or not at all."""

    def write(self, stretches: Iterator[Sequence[SweepColumn]], about: Mapping[str, str]) -> None:
        """Write stretches of the same columns, one after another; `about` describes the table.

        The same rows give the same bytes, however they are cut. Raises OSError.
        """
