"""A sweep that is stopped at random tiles, over and over, ends in the same bytes."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from application.ports import Feed
from application.sweep import Request, SweepReport, sweep
from application.sweep_parts import SweepStopped
from domain.limits import effective
from infrastructure.feeds.synthetic import open_synthetic
from infrastructure.sweep_parts import FileParts
from infrastructure.sweep_table import ParquetTable
from kernels.sweep.sets import parameter_sets
from kernels.sweep.settings import Ways
from tests.sweep_runs import PROGRAM

SETS = parameter_sets(PROGRAM.parameters, ["fast=3,5"], draws=20, seed=6)


@pytest.fixture
def feed() -> Iterator[Feed]:
    opened = open_synthetic(seed=3, bars=5_000)
    yield opened
    opened.close()


class Patience:
    """Asks to stop after some tiles."""

    def __init__(self, tiles: int) -> None:
        self.left = tiles

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def run(feed: Feed, directory: Path, patience: int = 10**9, backend: str = "lanes") -> SweepReport:
    return sweep(
        PROGRAM,
        feed,
        feed.describe().instruments[0],
        effective(),
        Request(sets=SETS, top=3, ways=Ways(backend, 2, batch=16, tile=700)),
        parts=lambda name: FileParts(directory / "parts"),
        table=ParquetTable(directory / "out.parquet"),
        stop=Patience(patience),
    )


@pytest.mark.parametrize("backend", ["lanes", "numba"])
def test_sweep_when_stopped_at_random_tiles_then_ends_in_the_same_bytes(
    backend: str, feed: Feed, tmp_path: Path
) -> None:
    expected = run(feed, tmp_path / "whole")
    seeded = random.Random(backend)  # noqa: S311
    stops = 0
    while True:
        try:
            found = run(feed, tmp_path / "cut", seeded.randint(2, 7), backend)
            break
        except SweepStopped:
            stops += 1
    assert stops >= 4
    assert found.state_digest == expected.state_digest
    assert found.top == expected.top
    assert len(found.top) == 3
    whole, cut = (tmp_path / name / "out.parquet" for name in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()


def test_stopped_batch_when_its_bytes_are_torn_then_starts_over(feed: Feed, tmp_path: Path) -> None:
    expected = run(feed, tmp_path / "whole")
    with pytest.raises(SweepStopped, match="stopped with 0 of 3 batches finished"):
        run(feed, tmp_path / "cut", 3)
    left = tmp_path / "cut" / "parts" / "stopped"
    left.write_bytes(left.read_bytes()[:-8])
    assert run(feed, tmp_path / "cut").state_digest == expected.state_digest


def test_finished_batch_when_its_bytes_were_changed_then_is_made_anew(
    feed: Feed, tmp_path: Path
) -> None:
    expected = run(feed, tmp_path / "whole")
    with pytest.raises(SweepStopped, match="stopped with 1 of 3 batches finished"):
        run(feed, tmp_path / "cut", 12)
    first = tmp_path / "cut" / "parts" / "batch-000000"
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(content)
    assert run(feed, tmp_path / "cut").state_digest == expected.state_digest


def test_progress_when_a_sweep_goes_on_then_all_of_it_is_counted_once(
    feed: Feed, tmp_path: Path
) -> None:
    def counted(patience: int) -> tuple[int, int]:
        told: list[int] = []
        wanted: list[int] = []
        try:
            sweep(
                PROGRAM,
                feed,
                feed.describe().instruments[0],
                effective(),
                Request(sets=SETS, ways=Ways("lanes", batch=16, tile=700)),
                parts=lambda name: FileParts(tmp_path / "parts"),
                begun=wanted.append,
                progress=told.append,
                stop=Patience(patience),
            )
        except SweepStopped:
            assert 0 < sum(told) < wanted[0]
        return sum(told), wanted[0]

    counted(11)
    told, wanted = counted(10**9)
    assert told == wanted == 40 * 5_000
