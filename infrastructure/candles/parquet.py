"""Candle files read in pieces and written at once.

Reading keeps one piece decoded whatever the file's size, and checks each row on the way. Writing
goes to a temporary file beside the target that replaces it when it is complete and on disk, so a
reader sees the old file or the new one.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from application.ports import BAR, Bars, FeedError
from infrastructure.candles.rows import COLUMNS, Column, Fault, first_fault, refuse

PIECE = 65_536  # rows decoded at a time: 3.7 MB as bars
SCHEMA = pa.schema([(n, pa.int64() if n == "timestamp" else pa.float64()) for n in COLUMNS])


class CorruptFile(FeedError):
    """The file is not Parquet, or a page of it cannot be read."""


class TableFile:
    """A Parquet file of an int64 `timestamp` and further columns, read in pieces of raw columns."""

    def __init__(self, path: Path, columns: Iterable[tuple[str, str]]) -> None:
        self.path = path
        self.columns = tuple(name for name, _ in columns)
        try:
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            self.rows: int = self._file.metadata.num_rows
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise corrupt(path, error) from error
        for name, kind in columns:
            index = schema.get_field_index(name)
            found = "missing" if index < 0 else str(schema.field(index).type)
            if found != kind:
                raise FeedError(f"{path.name}: column {name} was {found}, must be {kind}")

    def groups(self) -> Iterator[tuple[int, int]]:
        """Give (rows, last timestamp) of each row group."""
        metadata = self._file.metadata
        at = metadata.schema.to_arrow_schema().get_field_index("timestamp")
        for index in range(metadata.num_row_groups):
            group = metadata.row_group(index)
            statistics = group.column(at).statistics
            if statistics is not None and statistics.has_min_max:
                yield group.num_rows, cast(int, statistics.max)
                continue
            try:
                times = self._file.read_row_group(index, columns=["timestamp"]).column(0)
            except (pa.ArrowException, OSError) as error:
                raise corrupt(self.path, error) from error
            yield group.num_rows, int(np.max(times.to_numpy(), initial=-1))

    def pieces(self, first_group: int, offset: int) -> Iterator[tuple[int, dict[str, Column]]]:
        """Give (rows before it, columns) from a row group on. Raises `FeedError`."""
        groups = list(range(first_group, self._file.num_row_groups))
        try:
            for batch in self._file.iter_batches(
                batch_size=PIECE, row_groups=groups, columns=list(self.columns)
            ):
                yield offset, {name: self._column(batch, name, offset) for name in self.columns}
                offset += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise corrupt(self.path, error) from error

    def close(self) -> None:
        self._file.close()

    def _column(self, batch: Any, name: str, offset: int) -> Column:
        column = batch.column(batch.schema.get_field_index(name))
        if column.null_count:
            row = offset + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False))) + 1
            raise FeedError(f"{self.path.name}: row {row}, column {name}: was null")
        values: Column = column.to_numpy(zero_copy_only=False)
        return values


class CandleFile:
    """The candles of one file, checked row by row as they are read."""

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self.length = length
        self._table = TableFile(
            path, [(n, "int64" if n == "timestamp" else "double") for n in COLUMNS]
        )
        self._groups = list(self._table.groups())
        self.rows = self._table.rows
        if not self.rows:
            raise FeedError(f"{path.name}: holds no candles")

    def first(self) -> Bars:
        """Give the first bar, as an array of one."""
        return next(self.seek(0)[1])[:1]

    def last_open(self) -> int:
        """Give the open time of the last bar, ms."""
        return self._groups[-1][1]

    def seek(self, start: int) -> tuple[int | None, Iterator[Bars]]:
        """Give the open of the last bar before `start` (None if none) and the bars from it on."""
        group, offset, previous = 0, 0, None
        for rows, last in self._groups:
            if last >= start:
                break
            group, offset, previous = group + 1, offset + rows, last
        pieces = self._checked(group, offset, previous)
        for piece in pieces:
            index = int(np.searchsorted(piece["timestamp"], start))
            if index:
                previous = int(piece["timestamp"][index - 1])
            if index < len(piece):
                return previous, _chain(piece[index:], pieces)
        return previous, iter(())

    def times(self) -> Iterator[Column]:
        """Give the open times alone, unchecked, in pieces."""
        for _, columns in TableFile(self.path, [("timestamp", "int64")]).pieces(0, 0):
            yield columns["timestamp"]

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._table.close()

    def _checked(self, group: int, offset: int, previous: int | None) -> Iterator[Bars]:
        for before, columns in self._table.pieces(group, offset):
            fault = first_fault(columns, self.length, previous)
            if fault is not None:
                raise refuse(self.path.name, fault, before)
            bars = np.zeros(len(columns["timestamp"]), BAR)
            for name in COLUMNS:
                bars[name] = columns[name]
            if len(bars):
                previous = int(bars["timestamp"][-1])
                yield bars


def _chain(first: Bars, rest: Iterator[Bars]) -> Iterator[Bars]:
    yield first
    yield from rest


def corrupt(path: Path, error: Exception) -> CorruptFile:
    """Word a reading error in one line."""
    reason = str(error).strip().splitlines()
    return CorruptFile(
        f"{path.name}: cannot be read as Parquet: {reason[0] if reason else error!r}"
    )


def content_digest(paths: Iterable[Path]) -> str:
    """Digest what files hold, in the order given, whatever they are called. Raises `FeedError`."""
    total = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise FeedError(f"{path}: cannot be read: {error.strerror}") from error
    return total.hexdigest()


def write_candles(path: Path, pieces: Iterable[Bars], length: int) -> int:
    """Write bars to a candle file that appears complete or not at all; give the rows written.

    Raises `FeedError` for a bar that is no candle and for a disk that does not take it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = _write(temporary, path.name, pieces, length)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise FeedError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return rows


def _write(temporary: Path, name: str, pieces: Iterable[Bars], length: int) -> int:
    rows, previous = 0, None
    with pq.ParquetWriter(
        temporary, SCHEMA, compression="zstd", write_page_checksum=True
    ) as writer:
        for bars in _regrouped(pieces):
            columns = {column: np.ascontiguousarray(bars[column]) for column in COLUMNS}
            fault: Fault | None = first_fault(columns, length, previous)
            if fault is not None:
                raise refuse(name, fault, rows)
            previous = int(bars["timestamp"][-1])
            rows += len(bars)
            writer.write_table(pa.table(columns, schema=SCHEMA))
    if not rows:
        raise FeedError(f"{name}: there are no candles to write")
    return rows


def _regrouped(pieces: Iterable[Bars]) -> Iterator[Bars]:
    waiting: list[Bars] = []
    count = 0
    for bars in pieces:
        waiting.append(bars)
        count += len(bars)
        if count >= PIECE:
            yield np.concatenate(waiting)
            waiting, count = [], 0
    if count:
        yield np.concatenate(waiting)
