"""A sweep's results as a Parquet file.

Rows are written in groups of one size whatever stretches they arrive in, and nothing of the moment
or the machine goes into the file: the same results are the same bytes. Money becomes exact
decimals.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from application.ports import SweepColumn
from domain.money import LARGEST
from infrastructure.sweep_parts import sync

GROUP = 65_536  # rows
MONEY = pa.decimal128(18, 8)  # whole 1e-8 below 2^53 have at most 16 digits
TYPES: dict[str, Any] = {
    "whole": pa.int64(),
    "number": pa.float64(),
    "money": MONEY,
    "ratio": pa.decimal128(38, 8),
    "flag": pa.bool_(),
    "text": pa.string(),
}


class ParquetTable:
    """A `SweepTable` at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, stretches: Iterator[Sequence[SweepColumn]], about: Mapping[str, str]) -> None:
        """Write all rows to a file that appears complete or not at all."""
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_groups(temporary, map(table_of, stretches), about)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(self.path)
            sync(self.path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_groups(path: Path, tables: Iterator[pa.Table], about: Mapping[str, str]) -> None:
    first = next(tables)
    schema = first.schema.with_metadata({f"perpetua.{k}": about[k] for k in sorted(about)})
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        waiting = first.cast(schema)
        for table in tables:
            waiting = pa.concat_tables([waiting, table.cast(schema)])
            while len(waiting) >= GROUP:
                writer.write_table(whole(waiting[:GROUP]), row_group_size=GROUP)
                waiting = whole(waiting[GROUP:])
        while len(waiting):
            writer.write_table(whole(waiting[:GROUP]), row_group_size=GROUP)
            waiting = waiting[GROUP:]


def whole(table: pa.Table) -> pa.Table:
    """The same rows in one piece: how they were cut must not show in the file."""
    return table.combine_chunks()


def table_of(columns: Sequence[SweepColumn]) -> pa.Table:
    return pa.table({c.name: array_of(c) for c in columns})


def array_of(column: SweepColumn) -> Any:
    if column.kind == "money":
        return money(np.asarray(column.values, np.float64))
    return pa.array(column.values, TYPES[column.kind])


def money(units: Any) -> Any:
    """Whole 1e-8 as decimals (128-bit integers); null where they are too large to be exact."""
    valid = np.abs(units) < LARGEST
    low = np.where(valid, units, 0.0).astype("<i8")
    data = np.stack([low, low >> 63], axis=1).tobytes()
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(MONEY, len(low), [bitmap, pa.py_buffer(data)])
