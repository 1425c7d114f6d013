"""Proof that the log is what was written: the chain walk, and digests of what it says.

The walk recomputes every row's chain from the row before and checks what the chain cannot see: that
positions have no gap, versions and `recorded_at` go forward, the indexed correlation id is the
event's own, and every blob is what its name says. It reads one page at a time on a read-only
connection, so it can run beside an engine. What it cannot find is a log that was cut at its end or
re-chained as a whole: compare `head` and `chain` with a copy kept elsewhere.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from domain.event import Kind
from infrastructure.store.chain import GENESIS, link
from infrastructure.store.connection import connect
from infrastructure.store.errors import StoreFailed, store_failed
from infrastructure.store.schema import check_schema

PAGE = 5_000  # rows read in one statement

RawRow = Sequence[Any]  # position, stream, version, topic, state, recorded_at, correlation, chain

SELECT = (
    "SELECT position, stream_id, version, topic, state, recorded_at, correlation_id, chain "
    "FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"
)


class ChainReport(Struct, frozen=True):
    """What a walk over the whole log found."""

    ok: bool
    rows: int  # rows checked and found good
    first_bad: int | None  # position of the first row that is not what was written
    reason: str  # why it is bad; "" where all is well
    head: int  # last position when the walk began
    chain: str  # hex chain of the last good row
    blobs: int  # blobs checked and found good


class Envelope(Struct):
    """The fields of a state that an audit needs."""

    kind: Kind
    correlation_id: str


class BadRow(Exception):
    """A row is not what was written; the message says why."""


class Walker:
    """Checks rows one after another, in order of position, each against those before it."""

    def __init__(self, position: int = 0, chain: bytes = GENESIS, recorded_at: int = 0) -> None:
        self.position = position  # of the last good row
        self.chain = chain
        self.recorded_at = recorded_at
        self._versions: dict[bytes, int] | None = {} if position == 0 else None
        self._decode = msgspec.json.Decoder(Envelope).decode

    def check(self, row: RawRow) -> None:
        """Check the next row, given as bytes and integers. Raises `BadRow`."""
        position, stream, version, topic, state, recorded_at, correlation, chain = row
        due = self.position + 1
        if position != due:
            raise BadRow(f"gap: position {due} is missing")
        try:
            expected = link(self.chain, position, stream, version, recorded_at, topic, state)
        except TypeError:
            raise BadRow("a column holds a value of another type") from None
        if chain != expected:
            raise BadRow("chain mismatch: this row, or the chain of the row before, was changed")
        if recorded_at < self.recorded_at:
            raise BadRow(f"recorded_at goes back from {self.recorded_at} to {recorded_at}")
        self._check_version(stream, version)
        self._check_correlation(state, correlation)
        self.position, self.chain, self.recorded_at = position, chain, recorded_at

    def _check_version(self, stream: bytes, version: int) -> None:
        if self._versions is None:
            return
        due = self._versions.get(stream, 0) + 1
        if version != due:
            raise BadRow(f"order: stream {stream.decode()!r} has version {version}, must be {due}")
        self._versions[stream] = version

    def _check_correlation(self, state: bytes, correlation: bytes) -> None:
        try:
            own = self._decode(state).correlation_id.encode()
        except msgspec.MsgspecError as error:
            raise BadRow(f"the state is not an event: {error}") from error
        if own != correlation:
            raise BadRow("correlation_id is not the event's own")


def verify(path: Path) -> ChainReport:
    """Walk the whole log, up to the head it has now, and every blob.

    Raises `StoreFailed` where there is no log to walk; damage found on the way is reported.
    """
    with closing(open_raw(path)) as db:
        walker, head, blobs = Walker(), 0, 0
        first_bad: int | None = None
        reason = ""
        try:
            head = head_of(db)
            walk(db, walker, head)
        except (BadRow, sqlite3.DatabaseError) as error:
            first_bad, reason = walker.position + 1, reason_of(error)
        try:
            blobs = check_blobs(db)
            check_structure(db)
        except (BadRow, sqlite3.DatabaseError) as error:
            reason = reason or reason_of(error)
    return ChainReport(
        ok=not reason,
        rows=walker.position,
        first_bad=first_bad,
        reason=reason,
        head=head,
        chain=walker.chain.hex(),
        blobs=blobs,
    )


def check_tail(path: Path, rows: int) -> None:
    """Check the last rows of the log: cheap enough for every start.

    Raises `StoreFailed` naming the position, or what is wrong with the file.
    """
    with closing(open_raw(path)) as db:
        walker = Walker()
        try:
            head = head_of(db)
            before = db.execute(SELECT, (head - rows - 1, head - rows, 1)).fetchone()
            if before is not None:
                walker = Walker(before[0], before[7], before[5])
            walk(db, walker, head)
        except BadRow as error:
            raise StoreFailed(f"log {path}: position {walker.position + 1}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise store_failed(path, error) from error


def digest(path: Path) -> dict[Kind, str]:
    """Digest what happened, apart from when it was recorded: sha256, hex, one for each kind.

    Over `stream ␊ version ␊ topic ␊ state ␊` of the kind's events in order of position. Two runs
    from the same inputs give the same two digests. Raises `StoreFailed`.
    """
    hashes = {"input": sha256(), "derived": sha256()}
    decode = msgspec.json.Decoder(Envelope).decode
    with closing(open_raw(path)) as db:
        try:
            for _, stream, version, topic, state, *_ in rows_between(db, 0, head_of(db)):
                kind = decode(state).kind
                hashes[kind].update(b"%b\n%d\n%b\n%b\n" % (stream, version, topic, state))
        except (TypeError, msgspec.MsgspecError, sqlite3.DatabaseError) as error:
            raise store_failed(path, error) from error
    return {"input": hashes["input"].hexdigest(), "derived": hashes["derived"].hexdigest()}


def rows_between(db: sqlite3.Connection, after: int, last: int) -> Iterator[RawRow]:
    """Read rows with after < position ≤ last, a page at a time."""
    while after < last:
        page = db.execute(SELECT, (after, last, PAGE)).fetchall()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1][0]


def open_raw(path: Path) -> sqlite3.Connection:
    check_schema(path)
    db = connect(path, "ro")
    db.text_factory = bytes  # damaged text is found by the chain, not by a decoder
    return db


def head_of(db: sqlite3.Connection) -> int:
    (head,) = db.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
    return int(head)


def walk(db: sqlite3.Connection, walker: Walker, head: int) -> None:
    for row in rows_between(db, walker.position, head):
        walker.check(row)
    if walker.position < head:
        raise BadRow(f"gap: position {walker.position + 1} is missing")


def check_blobs(db: sqlite3.Connection) -> int:
    checked, after = 0, b""
    while page := db.execute(
        "SELECT sha256, content FROM blobs WHERE sha256 > CAST(? AS TEXT) ORDER BY sha256 LIMIT 50",
        (after,),
    ).fetchall():
        for name, content in page:
            if hexdigest(content) != name:
                raise BadRow(f"blob {name!r} is not what its name says")
        checked, after = checked + len(page), page[-1][0]
    return checked


def hexdigest(content: object) -> bytes:
    return sha256(content).hexdigest().encode() if isinstance(content, bytes) else b""


def check_structure(db: sqlite3.Connection) -> None:
    (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if found != b"ok":
        raise BadRow(f"the file is damaged: {found.decode(errors='replace')}")


def reason_of(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if isinstance(error, BadRow) else f"unreadable: {words}"
