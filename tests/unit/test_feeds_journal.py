"""The bar journal: what was appended is there, what was torn is not, what is damaged is refused."""

import errno
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infrastructure.bar_records import RECORD, SIZE, seal
from infrastructure.journal import FileBarJournal, JournalError
from tests.feed_bars import made_bars

BARS = made_bars(400)


def filled(path: Path, count: int) -> FileBarJournal:
    path.unlink(missing_ok=True)
    journal = FileBarJournal(path)
    journal.append(BARS[:count])
    return journal


def test_records_when_sealed_then_crc_is_that_of_zlib() -> None:
    records = np.frombuffer(seal(BARS), RECORD)
    assert SIZE == 64
    assert [zlib.crc32(record["bar"].tobytes()) for record in records] == records["crc"].tolist()
    assert records["bar"].tobytes() == BARS.tobytes()
    assert not records["zero"].any()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    blocks=st.lists(st.integers(0, 60), max_size=8),
    limit=st.integers(1, 100),
    reopen=st.booleans(),
)
def test_journal_when_appended_in_any_blocks_then_reads_back_equal(
    tmp_path: Path, blocks: list[int], limit: int, reopen: bool
) -> None:
    (tmp_path / "j").unlink(missing_ok=True)
    journal, begin = FileBarJournal(tmp_path / "j"), 0
    for size in blocks:
        journal.append(BARS[begin : begin + size])
        begin += len(BARS[begin : begin + size])
        if reopen:
            journal.close()
            journal = FileBarJournal(tmp_path / "j")
    assert len(journal) == begin
    assert journal.last() == (int(BARS["timestamp"][begin - 1]) if begin else None)
    read, after = 0, -1
    while len(bars := journal.read(after, limit)):
        assert bars.tobytes() == BARS[read : read + len(bars)].tobytes()
        read, after = read + len(bars), int(bars["timestamp"][-1])
    assert read == begin
    start, end = int(BARS["timestamp"][10]), int(BARS["timestamp"][40]) + 1
    assert journal.records(start, end) == seal(BARS[:begin][10:41])
    assert (tmp_path / "j").read_bytes() == seal(BARS[:begin])
    journal.close()


def test_journal_when_tail_is_torn_at_any_byte_then_cut_to_whole_records(tmp_path: Path) -> None:
    filled(tmp_path / "j", 3).close()
    content = (tmp_path / "j").read_bytes()
    for size in range(len(content) + 1):
        (tmp_path / "j").write_bytes(content[:size])
        journal = FileBarJournal(tmp_path / "j")
        assert len(journal) == size // SIZE
        journal.append(BARS[len(journal) : 5])
        journal.close()
        assert (tmp_path / "j").read_bytes() == seal(BARS[:5])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(bad=st.integers(1, 8), byte=st.integers(0, SIZE - 1), zeros=st.booleans())
def test_journal_when_last_records_are_bad_then_cut(
    tmp_path: Path, bad: int, byte: int, zeros: bool
) -> None:
    filled(tmp_path / "j", 20).close()
    content = bytearray((tmp_path / "j").read_bytes())
    for record in range(20 - bad, 20):
        at = record * SIZE
        content[at : at + SIZE] = bytes(SIZE) if zeros else content[at : at + SIZE]
        content[at + byte] ^= 0 if zeros else 0x40
    (tmp_path / "j").write_bytes(content)
    journal = FileBarJournal(tmp_path / "j")
    assert len(journal) == 20 - bad
    assert journal.last() == int(BARS["timestamp"][19 - bad])
    journal.close()
    assert (tmp_path / "j").stat().st_size == (20 - bad) * SIZE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(record=st.integers(0, 18), byte=st.integers(0, SIZE - 1), bit=st.integers(0, 7))
def test_journal_when_record_in_the_middle_is_damaged_then_refused_with_position(
    tmp_path: Path, record: int, byte: int, bit: int
) -> None:
    filled(tmp_path / "j", 20).close()
    content = bytearray((tmp_path / "j").read_bytes())
    content[record * SIZE + byte] ^= 1 << bit
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalError, match=rf"record {record + 1} \(byte {record * SIZE}\)"):
        FileBarJournal(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == bytes(content)


def test_journal_when_damaged_far_before_the_end_then_refused_with_position(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.journal._BLOCK", 16)
    filled(tmp_path / "j", 100).close()
    content = bytearray((tmp_path / "j").read_bytes())
    content[31 * SIZE] ^= 1  # the last record of a block: good ones follow in the next block only
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalError, match="record 32 "):
        FileBarJournal(tmp_path / "j")
    content = content[: 32 * SIZE] + bytes(40 * SIZE)
    (tmp_path / "j").write_bytes(content)
    journal = FileBarJournal(tmp_path / "j")
    assert (len(journal), journal.last()) == (31, int(BARS["timestamp"][30]))
    journal.close()


def test_journal_when_damaged_while_open_then_reading_refuses_with_position(
    tmp_path: Path,
) -> None:
    journal = filled(tmp_path / "j", 20)
    with (tmp_path / "j").open("r+b") as file:
        file.seek(7 * SIZE + 20)
        file.write(b"\xff\xff\xff")
    assert journal.read(-1, 7).tobytes() == BARS[:7].tobytes()
    with pytest.raises(JournalError, match="record 8 "):
        journal.read(-1, 20)
    with pytest.raises(JournalError, match="record 8 "):
        journal.records(0, 2**62)
    journal.close()


def test_journal_when_records_are_out_of_order_then_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(seal(BARS[:3]) + seal(BARS[1:5]))
    with pytest.raises(JournalError, match="record 4 is out of order"):
        FileBarJournal(tmp_path / "j")


@pytest.mark.parametrize("bars", [BARS[4:5], BARS[2:8], BARS[[6, 5]], BARS[[7, 7]]])
def test_journal_when_bar_is_not_after_the_last_then_refused_and_nothing_written(
    tmp_path: Path, bars: np.ndarray[tuple[int], np.dtype[np.void]]
) -> None:
    journal = filled(tmp_path / "j", 5)
    with pytest.raises(ValueError, match=r"bar was \d+, must be after \d+"):
        journal.append(bars)
    assert len(journal) == 5
    journal.append(BARS[5:7])
    assert journal.read(-1, 100).tobytes() == BARS[:7].tobytes()
    journal.close()


def test_journal_when_disk_is_full_then_one_line_error_and_the_rest_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = filled(tmp_path / "j", 5)
    write = os.pwrite
    written: list[int] = []

    def fill_up(file: int, data: bytes, offset: int) -> int:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(write(file, data[:100], offset))
        return 100

    with monkeypatch.context() as disk:
        disk.setattr("infrastructure.journal.os.pwrite", fill_up)
        with pytest.raises(JournalError, match="cannot be written: No space left on device"):
            journal.append(BARS[5:50])
    with pytest.raises(JournalError, match="No space left"):
        journal.append(BARS[5:6])  # what the disk holds is not known any more
    assert journal.read(-1, 100).tobytes() == BARS[:5].tobytes()
    journal.close()
    reopened = FileBarJournal(tmp_path / "j")
    assert reopened.read(-1, 100).tobytes() == BARS[:5].tobytes()
    reopened.close()


def test_journal_when_read_only_then_cuts_nothing_and_refuses_to_write(tmp_path: Path) -> None:
    filled(tmp_path / "j", 5).close()
    with (tmp_path / "j").open("ab") as file:
        file.write(b"torn")
    journal = FileBarJournal(tmp_path / "j", read_only=True)
    assert len(journal) == 5
    with pytest.raises(JournalError, match="reading only"):
        journal.append(BARS[5:6])
    journal.close()
    assert (tmp_path / "j").stat().st_size == 5 * SIZE + 4
    with pytest.raises(JournalError, match="cannot be opened"):
        FileBarJournal(tmp_path / "none", read_only=True)
