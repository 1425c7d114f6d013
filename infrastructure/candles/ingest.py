"""Other people's candle files, brought into the shared naming and columns.

CSV or Parquet with the usual spellings of the headers, or the headerless kline dumps that Binance
publishes. Times may be ISO 8601 (UTC unless they say otherwise) or seconds, ms, µs or ns since
1970, told apart by their size in the first row. Nothing is repaired: the first row that is no
candle refuses the file.
"""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from application.ports import BAR, Bars, FeedError
from infrastructure.candles.parquet import PIECE, corrupt
from infrastructure.candles.rows import COLUMNS, first_fault, refuse

_SPELLINGS = {
    "timestamp": ("timestamp", "time", "ts", "date", "datetime", "open_time", "opentime", "unix"),
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base", "amount"),
}
_BEYOND = (10**11, 10**14, 10**17)  # the year 5138 in s, ms, µs: larger is the next unit
_PER_MS = (0.001, 1, 1_000, 1_000_000)

Table = Iterator[tuple[int, list[Any]]]  # row number as an editor shows it, the six values


def read_foreign(path: Path, length: int) -> Iterator[Bars]:
    """Read a CSV or Parquet file of candles of `length` ms, in pieces.

    Raises `FeedError` naming the row, the column and the value that is wrong.
    """
    table = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)
    to_ms: Callable[[Any], int] | None = None
    previous: int | None = None
    while rows := list(islice(table, PIECE)):
        bars = np.zeros(len(rows), BAR)
        for index, (number, values) in enumerate(rows):
            if to_ms is None:
                to_ms = _time_reader(values[0], f"{path.name}: row {number}")
            bars[index] = (*_row(values, to_ms, f"{path.name}: row {number}"), 0.0)
        fault = first_fault({name: bars[name] for name in COLUMNS}, length, previous)
        if fault is not None:
            raise refuse(path.name, fault, rows[fault.row][0] - fault.row - 1)
        previous = int(bars["timestamp"][-1])
        yield bars


def _row(values: list[Any], to_ms: Callable[[Any], int], where: str) -> tuple[float, ...]:
    try:
        time = to_ms(values[0])
    except (ValueError, TypeError, OverflowError) as error:
        raise FeedError(f"{where}, column timestamp: was {values[0]!r}, must be a time") from error
    figures = []
    for name, value in zip(COLUMNS[1:], values[1:], strict=True):
        try:
            figures.append(float(value))
        except (ValueError, TypeError) as error:
            raise FeedError(f"{where}, column {name}: was {value!r}, must be a number") from error
    return (time, *figures)


def _csv(path: Path) -> Table:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            first = next(rows, None)
            if first is None:
                raise FeedError(f"{path.name}: is empty")
            headless = _is_number(first[0]) and len(first) > 5  # a kline dump: time, open, high, …
            places = list(range(6)) if headless else _places(first, path.name)
            lines = enumerate(chain([first], rows) if headless else rows, 1 if headless else 2)
            for number, row in lines:
                if not row:
                    continue
                if len(row) <= max(places):
                    raise FeedError(f"{path.name}: row {number} has {len(row)} columns only")
                yield number, [row[place] for place in places]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedError(f"{path.name}: cannot be read as CSV: {error}") from error


def _parquet(path: Path) -> Table:
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        columns = [names[place] for place in _places(names, path.name)]
        number = 0
        for batch in file.iter_batches(batch_size=PIECE, columns=columns):
            lists = [_plain(batch.column(batch.schema.get_field_index(name))) for name in columns]
            for values in zip(*lists, strict=True):
                number += 1
                yield number, list(values)
    except (pa.ArrowException, OSError) as error:
        raise corrupt(path, error) from error


def _plain(column: Any) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        # as whole ns: a Python datetime would need a time zone to be exact about
        return list(column.cast(pa.timestamp("ns")).cast(pa.int64()).to_pylist())
    return list(column.to_pylist())


def _places(header: list[str], name: str) -> list[int]:
    known = [title.strip().lower().replace(" ", "_") for title in header]
    places = []
    for column, spellings in _SPELLINGS.items():
        found = [known.index(spelling) for spelling in spellings if spelling in known]
        if not found:
            raise FeedError(
                f"{name}: no column for {column} among {', '.join(header)}; "
                f"it may be called {', '.join(spellings)}"
            )
        places.append(found[0])
    return places


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _time_reader(value: Any, where: str) -> Callable[[Any], int]:
    if isinstance(value, str) and not _is_number(value):
        return _from_iso
    try:
        size = abs(float(value))
    except (TypeError, ValueError) as error:
        raise FeedError(f"{where}, column timestamp: was {value!r}, must be a time") from error
    unit = sum(size >= beyond for beyond in _BEYOND)
    return _from_seconds if unit == 0 else lambda value: _whole(value, int(_PER_MS[unit]))


def _from_iso(text: str) -> int:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp()) * 1000
    return whole + moment.microsecond // 1000


def _from_seconds(value: Any) -> int:
    return round(float(value) * 1000)


def _whole(value: Any, per_ms: int) -> int:
    try:
        exact = int(value)
    except ValueError:
        exact = int(float(value))  # 1.7e12, as spreadsheets write it
    whole, rest = divmod(exact, per_ms)
    if rest:
        raise ValueError("not a whole ms")
    return whole
