"""What is wrong with recorded data, or how much of it is missing.

A wrong row refuses its file and is named; a missing bar is counted, never filled. One file at a
time in pieces, so size does not matter.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec import Struct

from application.ports import FeedError
from domain.timeframe import milliseconds
from infrastructure.candles.naming import FUNDING, TRADES, BadName, DataFile, parse_name
from infrastructure.candles.parquet import CandleFile, TableFile
from infrastructure.candles.rows import BadRow, Column, Gaps, first_settlement_fault, refuse

SETTLEMENT = 8 * 3_600_000  # ms between funding settlements

Progress = Callable[[int], None]  # told how many rows have been looked at since the last call


class FileReport(Struct, frozen=True, kw_only=True):
    """What a file holds; `error` is empty where every row is in order."""

    file: str
    kind: str = ""
    rows: int = 0
    first: int | None = None  # open of the first bar, ms UTC
    last: int | None = None
    gaps: int = 0
    missing: int = 0  # bars that never came, between the first and the last
    largest_gap: int = 0  # bars
    largest_gap_after: int | None = None  # open of the bar before it, ms UTC
    error: str = ""


def check_file(path: Path, progress: Progress | None = None) -> FileReport:
    """Check one file by what its name says it holds. Never raises for what is in the file."""
    tell = progress or (lambda rows: None)
    try:
        file = parse_name(path)
    except BadName as error:
        return FileReport(file=path.name, error=str(error))
    gaps = Gaps()
    try:
        _CHECKS.get(file.kind, _check_candles)(file, gaps, tell)
    except FeedError as error:
        return _report(file, gaps, str(error))
    return _report(file, gaps, "")


def data_files(target: Path) -> list[Path]:
    """List what to check: the file, or the directory's Parquet files. Raises `FeedError`."""
    if target.is_file():
        return [target]
    files = sorted(target.glob("*.parquet")) if target.is_dir() else []
    if not files:
        raise FeedError(f"path was {str(target)!r}, must be a Parquet file or a directory of them")
    return files


def _report(file: DataFile, gaps: Gaps, error: str) -> FileReport:
    return FileReport(
        file=file.path.name,
        kind=file.kind,
        rows=gaps.rows,
        first=gaps.first,
        last=gaps.last,
        gaps=gaps.count,
        missing=gaps.missing,
        largest_gap=gaps.largest,
        largest_gap_after=gaps.largest_after,
        error=error,
    )


def _check_candles(file: DataFile, gaps: Gaps, tell: Progress) -> None:
    length = milliseconds(file.kind)
    candles = CandleFile(file.path, length)
    for bars in candles.seek(0)[1]:
        gaps.add(bars["timestamp"], length)
        tell(len(bars))


def _check_funding(file: DataFile, gaps: Gaps, tell: Progress) -> None:
    table = TableFile(file.path, [("timestamp", "int64"), ("rate", "double")])
    for offset, columns in table.pieces(0, 0):
        times = columns["timestamp"]
        fault = first_settlement_fault(times, columns["rate"], gaps.last)
        if fault is not None:
            raise refuse(file.path.name, fault, offset)
        gaps.add(times, SETTLEMENT)
        tell(len(times))


def _check_trades(file: DataFile, gaps: Gaps, tell: Progress) -> None:
    table = TableFile(
        file.path,
        [
            ("timestamp", "int64"),
            ("price", "double"),
            ("amount", "double"),
            ("side", "string"),
            ("trade_id", "int64"),
        ],
    )
    last_id, last_time = -1, 0
    for offset, columns in table.pieces(0, 0):
        tests = {
            "timestamp": (
                _not_falling(columns["timestamp"], last_time),
                "not before the row before",
            ),
            "price": (_positive(columns["price"]), "finite and above 0"),
            "amount": (_positive(columns["amount"]), "finite and above 0"),
            "side": (np.isin(columns["side"].astype(str), ("buy", "sell")), "buy or sell"),
            "trade_id": (_not_falling(columns["trade_id"], last_id + 1, 1), "above the row before"),
        }
        for name, (good, rule) in tests.items():
            if not good.all():
                row = int(np.argmin(good))
                raise BadRow(
                    f"{file.path.name}: row {offset + row + 1}, column {name}: "
                    f"was {columns[name][row].item() if name != 'side' else columns[name][row]!r}, "
                    f"must be {rule}"
                )
        last_time, last_id = int(columns["timestamp"][-1]), int(columns["trade_id"][-1])
        gaps.rows += len(columns["timestamp"])
        gaps.first = int(columns["timestamp"][0]) if gaps.first is None else gaps.first
        gaps.last = last_time
        tell(len(columns["timestamp"]))


def _positive(values: Column) -> Column:
    good: Column = (values > 0) & (values < np.inf)
    return good


def _not_falling(values: Column, least: int, step: int = 0) -> Column:
    good: Column = np.ones(len(values), bool)
    good[1:] = values[1:] >= values[:-1] + step
    good[:1] = values[:1] >= least
    return good


_CHECKS = {FUNDING: _check_funding, TRADES: _check_trades}
