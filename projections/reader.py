"""One read-model file, opened for questions: one moment of the log for each, and never for long.

What is asked is elsewhere; here is when the file is opened, what its failures mean, and the texts
that the log holds beside its events.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from application.ports import LogReader
from projections.database import QueryTooSlow, ViewsMissing, explained, identity, reader_engine
from projections.paging import BadQuery
from projections.tracking import find


class ViewReader:
    """Opens one read-model file; may be used from many threads.

    A file that is replaced while in use is noticed and opened again.
    """

    def __init__(self, path: Path, log: LogReader | None = None, *, connections: int = 8) -> None:
        self.path = path
        self.log = log
        self.connections = connections
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._file: tuple[int, int] | None = None

    def close(self) -> None:
        """Close every connection. May be called twice."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def position(self) -> int:
        """Tell up to which log position the views show what happened."""
        with self._reading() as connection:
            return self._position(connection)

    def wait_for(self, position: int, seconds: float) -> bool:
        """Wait until the views show `position`, at most `seconds`; tell whether they do."""
        deadline = time.monotonic() + seconds
        while self.position() < position:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def text(self, sha256: str) -> str | None:
        """Give a text that the log holds by its digest: a source, a prompt, a response.

        None where it holds none of that digest; bytes that are no UTF-8 are shown as U+FFFD. Raises
        BadQuery without a log.
        """
        if self.log is None:
            raise BadQuery("a text was asked for without a log, which holds them")
        try:
            return self.log.blob(sha256).decode(errors="replace")
        except KeyError:
            return None

    def _position(self, connection: Connection) -> int:
        place = find(connection)
        if place is None:
            raise ViewsMissing(f"{self.path} holds no read models yet")
        return place.position

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._open().begin() as connection:
                yield connection
        except DatabaseError as error:
            words = str(error.orig)
            if "interrupted" in words:
                raise QueryTooSlow(
                    "the query took too long and was stopped, ask for less"
                ) from error
            if "no such table" in words:
                raise ViewsMissing(f"{self.path} holds no read models yet") from error
            raise explained(self.path, error) from error

    def _open(self) -> Engine:
        file = identity(self.path)
        if file is None:
            raise ViewsMissing(f"{self.path} was not found, there are no read models yet")
        with self._lock:
            if self._engine is None or self._file != file:
                if self._engine is not None:
                    self._engine.dispose()
                self._engine = reader_engine(self.path, connections=self.connections)
                self._file = file
            return self._engine
