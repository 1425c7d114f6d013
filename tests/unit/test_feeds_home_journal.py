"""A home's journal: all symbols' bars of a moment, or none of them, whatever a crash leaves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports import Bars, Stretch, moments
from infrastructure.bar_records import SIZE, seal
from infrastructure.home_journal import HomeJournal, open_journal
from infrastructure.journal import JournalError
from tests.feed_bars import made_bars, thinned

BARS = made_bars(60)
SYMBOLS = ("BTC-USDT", "ETH-USDT-PERP", "SOL-USDT")
STRETCH: Stretch = (BARS, thinned(BARS, range(10, 30)), thinned(BARS, [0, 5, 59]))


def part(first: int, end: int) -> Stretch:
    """The bars of moments [first, end)."""
    low, high = int(BARS["timestamp"][first]), int(BARS["timestamp"][end - 1])
    return tuple(bars[(bars["timestamp"] >= low) & (bars["timestamp"] <= high)] for bars in STRETCH)


def filled(home: Path, *cuts: int) -> HomeJournal:
    journal = open_journal(home, SYMBOLS)
    for first, end in zip((0, *cuts), cuts, strict=False):
        journal.append(part(first, end))
    return journal


def same(found: Stretch, wanted: Stretch) -> bool:
    return [bars.tobytes() for bars in found] == [bars.tobytes() for bars in wanted]


def test_home_journal_when_opened_then_each_symbol_has_a_file(tmp_path: Path) -> None:
    filled(tmp_path, 40).close()
    names = sorted(path.name for path in (tmp_path / "bars").iterdir())
    assert names == ["BTC-USDT.bars", "ETH-USDT-PERP.bars", "SOL-USDT.bars", "moments.bars"]
    open_journal(tmp_path / "other", ["BTC/USDT"]).close()
    assert [path.name for path in (tmp_path / "other/bars").iterdir()] == ["BTC-USDT.bars"]


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_home_journal_when_read_then_whole_moments_in_order(tmp_path: Path, limit: int) -> None:
    journal = filled(tmp_path, 20, 41, 60)
    after, found = -1, []
    while len(times := moments(stretch := journal.read(after, limit))):
        assert len(times) <= limit
        found.append(stretch)
        after = int(times[-1])
    assert same(tuple(map(np.concatenate, zip(*found, strict=True))), STRETCH)
    assert journal.last() == BARS["timestamp"][59]
    start, end = int(BARS["timestamp"][8]), int(BARS["timestamp"][33])
    inside = STRETCH[1][(STRETCH[1]["timestamp"] >= start) & (STRETCH[1]["timestamp"] < end)]
    assert journal.records("ETH-USDT-PERP", start, end) == seal(inside)
    journal.close()
    journal.close()


@settings(max_examples=25, deadline=None)
@given(torn=st.tuples(*[st.integers(0, 20 * SIZE)] * 3), marked=st.integers(0, SIZE - 1))
def test_home_journal_when_a_crash_left_a_block_half_written_then_none_of_it_is_there(
    tmp_path_factory: pytest.TempPathFactory, torn: tuple[int, int, int], marked: int
) -> None:
    home = tmp_path_factory.mktemp("home")
    filled(home, 20, 40).close()
    names = ("BTC-USDT", "ETH-USDT-PERP", "SOL-USDT")
    for name, bars, size in zip(names, part(40, 60), torn, strict=True):
        append(home / "bars" / f"{name}.bars", seal(bars)[:size])
    append(home / "bars/moments.bars", seal(BARS[59:60])[:marked])
    reader = open_journal(home, SYMBOLS, read_only=True)
    assert same(reader.read(-1, 1000), part(0, 40))  # a reader sees nothing of it either
    reader.close()
    journal = open_journal(home, SYMBOLS)
    assert journal.last() == BARS["timestamp"][39]
    journal.append(part(40, 60))
    assert same(journal.read(-1, 1000), STRETCH)
    journal.close()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_home_journal_when_nothing_was_whole_then_is_empty(tmp_path: Path) -> None:
    open_journal(tmp_path, SYMBOLS).close()
    append(tmp_path / "bars/BTC-USDT.bars", seal(BARS[:3]))
    journal = open_journal(tmp_path, SYMBOLS)
    assert (journal.last(), moments(journal.read(-1, 10)).tolist()) == (None, [])
    journal.close()


@pytest.mark.parametrize("lost", ["BTC-USDT", "ETH-USDT-PERP", "SOL-USDT"])
@pytest.mark.parametrize("left", [0, 12])
def test_home_journal_when_a_symbols_bars_were_lost_then_is_refused(
    tmp_path: Path, lost: str, left: int
) -> None:
    filled(tmp_path, 20, 40).close()
    path = tmp_path / "bars" / f"{lost}.bars"
    path.write_bytes(path.read_bytes()[: left * SIZE])
    for read_only in (True, False):
        with pytest.raises(JournalError, match=f"{left} of {lost}.* together"):
            open_journal(tmp_path, SYMBOLS, read_only=read_only)


def test_home_journal_when_a_moment_is_not_after_the_last_then_is_refused_whole(
    tmp_path: Path,
) -> None:
    journal = filled(tmp_path, 20)
    late: list[Bars] = [BARS[:0], BARS[5:6], BARS[:0]]
    with pytest.raises(ValueError, match=r"must be after .*, the last moment"):
        journal.append(tuple(late))
    assert same(journal.read(-1, 1000), part(0, 20))
    journal.close()


def test_home_journal_when_read_only_then_takes_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 20).close()
    journal = open_journal(tmp_path, SYMBOLS, read_only=True)
    with pytest.raises(JournalError, match="reading only"):
        journal.append(part(20, 30))
    journal.close()
    with pytest.raises(JournalError, match="cannot be opened"):
        open_journal(tmp_path, ["ADA-USDT"], read_only=True)
