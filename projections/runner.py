"""Keeps the read models up with the log, with the effect of reading each event exactly once.

A batch is one transaction: the tracking row moves from the position the batch began at to the one
it ends at, and the rows are written with it. If the tracking row is not where this runner left it,
another runner or a rebuild was here: nothing is written, what was folded in memory is dropped, and
work goes on from where the tables now stand. A crash at any moment leaves the last whole batch.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Event as Stop

from sqlalchemy import Engine

from application.ports import LogReader
from projections.database import ViewsMissing, identity
from projections.folds.views import Views
from projections.rows import Writer
from projections.tables import VIEWS, Tables
from projections.tracking import VIEWS_NAME, LostRace, Place, find, move

BATCH = 1000  # events
POLL = 0.05  # seconds between looks at a log that had nothing new


class Runner:
    """Follows one log into one set of tables. Not for use by several threads at once."""

    def __init__(
        self,
        log: LogReader,
        engine: Engine,
        *,
        name: str = VIEWS_NAME,
        tables: Tables = VIEWS.tables,
        batch: int = BATCH,
    ) -> None:
        self.log = log
        self.engine = engine
        self.name = name
        self.tables = tables
        self.batch = batch
        self.writer = Writer(tables)
        self.views = Views()
        self.path = Path(str(engine.url.database))
        self.file: tuple[int, int] | None = None  # that the tables were read from
        self.place: Place | None = None  # None: the tables must be read before going on

    @property
    def position(self) -> int:
        """The last log position that this runner knows to be in the tables."""
        return 0 if self.place is None else self.place.position

    def advance(self) -> int:
        """Apply the next batch; return how many events it had, 0 at the head.

        Raises LostRace when the tables moved meanwhile (the next call goes on from where they
        are), ViewsMissing when the file was taken away, and whatever the log or the database
        raises; nothing of the batch is then stored.
        """
        place = self.resume() if self.place is None else self.place
        if identity(self.path) != self.file:
            raise ViewsMissing(f"{self.path} was removed or replaced while in use")
        entries = self.log.read(after=place.position, limit=self.batch)
        if not entries:
            return 0
        self.place = None  # until the batch is stored, what is in memory is ahead of the tables
        self.views.apply(entries)
        with self.engine.begin() as connection:
            moved = move(connection, place, entries[-1].position)
            self.writer.write(connection, self.views.rows)
        self.views.rows.clear()
        self.place = moved
        return len(entries)

    def resume(self) -> Place:
        """Forget what is in memory and take up where the tables stand. Raises ViewsMissing."""
        with self.engine.begin() as connection:
            place = find(connection, self.name)
            if place is None:
                raise ViewsMissing(f"projection {self.name} has no tables, rebuild them")
            self.views.load(connection, self.tables)
        self.file = identity(self.path)
        self.place = place
        return place

    def run_to_head(self, progress: Callable[[int], None] | None = None) -> int:
        """Apply batches until the log has no more; return the position reached.

        `progress` is told the position after every batch.
        """
        while True:
            try:
                applied = self.advance()
            except LostRace:
                continue
            if applied == 0:
                return self.position
            if progress is not None:
                progress(self.position)

    def follow(self, stop: Stop, poll: float = POLL) -> None:
        """Apply batches as the log grows, until `stop` is set; looks every `poll` seconds."""
        while not stop.is_set():
            self.run_to_head()
            stop.wait(poll)
