"""What is appended is read back: in order, without gaps, once, whole or not at all."""

import asyncio
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports import Batch, Checkpoint, Conflict, LogEntry, LogFailed
from domain.event import Event, Kind
from infrastructure.store import EventRefused, SqliteEventLog, SqliteLogReader, digest, verify
from tests.event_samples import history
from tests.store_samples import ACCOUNT, TickingClock, mark, marks, opened

STREAMS = ("home", "strategy/a", "strategy/a/b", "strategy/ä", "portfolio/paper/a/v1/A")


def everything(log: SqliteLogReader, page: int = 7) -> list[LogEntry]:
    entries: list[LogEntry] = []
    while page_of := log.read(len(entries), page):
        entries.extend(page_of)
    return entries


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    versions = dict.fromkeys(STREAMS, 0)
    drawn = []
    sizes = draw(st.lists(st.lists(st.sampled_from(STREAMS), max_size=12), max_size=8))
    for number, streams in enumerate(sizes):
        events: list[Event] = []
        for stream in streams:
            versions[stream] += 1
            events.append(mark(versions[stream], stream, correlation=f"step/{number % 3}"))
        content = f"text {number % 4}".encode()
        blobs = {sha256(content).hexdigest(): content} if draw(st.booleans()) else {}
        checkpoint = Checkpoint(number, content) if draw(st.booleans()) else None
        drawn.append(Batch(events=events, blobs=blobs, checkpoint=checkpoint))
    return drawn


@given(written=batches(), awaited=st.booleans())
@settings(max_examples=40)
def test_log_when_random_batches_are_written_then_reads_give_exactly_those(
    written: list[Batch], awaited: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        with closing(opened(path)) as log:
            if awaited:
                positions = [log.append(batch) for batch in written]
            else:
                futures = [log.submit(batch) for batch in written]
                positions = [future.result(10) for future in futures]
            check_reads(log, written, positions)
        report = verify(path)
        assert report.ok, report
        assert report.rows == sum(len(batch.events) for batch in written)


def check_reads(log: SqliteEventLog, written: list[Batch], positions: list[int]) -> None:
    events = [event for batch in written for event in batch.events]
    entries = everything(log)
    assert [entry.event for entry in entries] == events
    assert [entry.position for entry in entries] == list(range(1, len(events) + 1))
    times = [entry.recorded_at for entry in entries]
    assert times == sorted(times)
    assert log.head() == len(events)
    ends, total = [], 0
    for batch in written:
        total += len(batch.events)
        ends.append(total)
    assert positions == ends
    for stream in STREAMS:
        assert list(log.stream(stream)) == [e for e in events if e.stream == stream]
        assert list(log.stream(stream, 2)) == [
            e for e in events if e.stream == stream and e.stream_version > 2
        ]
    assert log.streams("") == sorted({event.stream for event in events})
    assert log.streams("strategy/a") == sorted(
        {event.stream for event in events if event.stream.startswith("strategy/a")}
    )
    for correlation in ("step/0", "step/1", "nothing"):
        assert [entry.event for entry in log.correlated(correlation)] == [
            e for e in events if e.correlation_id == correlation
        ]
    for batch in written:
        for name, content in batch.blobs.items():
            assert log.blob(name) == content
    last = [batch.checkpoint for batch in written if batch.checkpoint is not None]
    assert log.checkpoint() == (last[-1] if last else None)


def test_log_when_batch_is_empty_then_gives_the_head(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        assert log.append(Batch(events=[])) == 0
        log.append(Batch(events=marks(1, 3)))
        assert log.append(Batch(events=[], checkpoint=Checkpoint(5, b"x"))) == 3
        assert log.checkpoint() == Checkpoint(5, b"x")


def test_log_when_blob_is_unknown_then_key_error(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log, pytest.raises(KeyError, match="abc"):
        log.blob("abc")


def test_log_when_closed_and_opened_again_then_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    for start in (1, 4001, 4004):
        with closing(opened(path)) as log:
            log.append(Batch(events=marks(start, 4000 if start == 1 else 3)))
    with closing(opened(path)) as log:
        assert list(log.stream(ACCOUNT)) == marks(1, 4006)
    assert verify(path).ok


def test_log_when_wall_clock_goes_back_then_recorded_at_does_not(tmp_path: Path) -> None:
    clock = TickingClock()
    with closing(SqliteEventLog(tmp_path / "log.db", now_us=clock.now_us)) as log:
        log.append(Batch(events=[mark(1)]))
        clock.now -= 10**9
        log.append(Batch(events=[mark(2)]))
        times = [entry.recorded_at for entry in log.read()]
        assert times == [times[0], times[0]]
    clock.now -= 10**9
    with closing(SqliteEventLog(tmp_path / "log.db", now_us=clock.now_us)) as log:
        log.append(Batch(events=[mark(3)]))
        assert log.read(2)[0].recorded_at == times[0]


def test_log_when_version_is_taken_then_conflict_names_stream_and_versions(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        log.append(Batch(events=marks(1, 5)))
        with pytest.raises(Conflict) as caught:
            log.append(Batch(events=[mark(1, "home"), mark(3)], blobs=blob(b"lost")))
        assert str(caught.value) == (
            f"stream {ACCOUNT!r} is at version 5: version of the next event was 3, must be 6"
        )
        assert (log.head(), log.streams("home")) == (5, [])
        with pytest.raises(KeyError):
            log.blob(sha256(b"lost").hexdigest())


def blob(content: bytes) -> dict[str, bytes]:
    return {sha256(content).hexdigest(): content}


def test_log_when_one_of_many_waiting_batches_conflicts_then_only_it_fails(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        good = [log.submit(Batch(events=[mark(v)])) for v in (1, 2)]
        bad = log.submit(Batch(events=[mark(2)]))
        after = log.submit(Batch(events=[mark(3)]))
        assert [future.result(10) for future in (*good, after)] == [1, 2, 3]
        with pytest.raises(Conflict):
            bad.result(10)


def test_log_when_a_step_fails_then_every_later_step_fails_but_commands_do_not(
    tmp_path: Path,
) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        log.append(Batch(events=[mark(1)], checkpoint=Checkpoint(1, b"one")))
        step = log.submit(Batch(events=[mark(9)], checkpoint=Checkpoint(2, b"two")))
        later = log.submit(Batch(events=[mark(1, "home")], checkpoint=Checkpoint(3, b"three")))
        command = log.submit(Batch(events=[mark(1, "strategy/a")]))
        with pytest.raises(Conflict):
            step.result(10)
        with pytest.raises(LogFailed, match="an earlier step was not stored"):
            later.result(10)
        assert command.result(10) == 2
        assert log.checkpoint() == Checkpoint(1, b"one")
        assert log.streams("home") == []


def test_log_when_an_event_is_refused_then_only_its_batch_fails(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        with pytest.raises(EventRefused, match="newline"):
            log.append(Batch(events=[mark(1), mark(1, "a\nb")]))
        with pytest.raises(EventRefused, match="must be its sha256"):
            log.append(Batch(events=[mark(1)], blobs={"00": b"x"}))
        assert log.append(Batch(events=[mark(1)])) == 1


def test_log_when_two_writers_race_for_a_stream_then_each_version_is_won_once(
    tmp_path: Path,
) -> None:
    path, rounds = tmp_path / "log.db", 60
    with closing(opened(path)) as one, closing(opened(path)) as two:
        gate, lost = threading.Barrier(2), []

        def race(log: SqliteEventLog) -> int:
            won = 0
            for version in range(1, rounds + 1):
                gate.wait(10)
                try:
                    log.append(Batch(events=[mark(version)]))
                except Conflict as conflict:
                    lost.append(str(conflict).endswith(f"was {version}, must be {version + 1}"))
                else:
                    won += 1
            return won

        with ThreadPoolExecutor(2) as threads:
            assert sum(threads.map(race, (one, two))) == rounds
        assert lost == [True] * rounds
        assert list(one.stream(ACCOUNT)) == marks(1, rounds)
    assert verify(path).ok


def test_log_when_many_threads_append_then_all_is_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(opened(path)) as log:

        def write(number: int) -> None:
            for version in range(1, 21):
                log.append(Batch(events=[mark(version, f"strategy/{number}")]))

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write, range(8)))
        assert log.head() == 160
        assert [len(list(log.stream(stream))) for stream in log.streams("")] == [20] * 8
    assert verify(path).ok


def test_log_when_awaited_in_asyncio_then_the_loop_goes_on(tmp_path: Path) -> None:
    async def run(log: SqliteEventLog) -> list[int]:
        waiting = [
            asyncio.wrap_future(log.submit(Batch(events=[mark(1, f"strategy/{n}")])))
            for n in range(30)
        ]
        return await asyncio.gather(*waiting)

    with closing(opened(tmp_path / "log.db")) as log:
        assert asyncio.run(run(log)) == list(range(1, 31))


def test_log_when_closed_then_queue_is_drained_and_everything_after_fails(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = opened(path)
    futures = [log.submit(Batch(events=marks(1 + 50 * n, 50))) for n in range(40)]
    log.close()
    log.close()
    assert [future.result(0) for future in futures] == [50 * n for n in range(1, 41)]
    with pytest.raises(LogFailed, match="closed"):
        log.append(Batch(events=[]))
    with pytest.raises(LogFailed, match="closed"):
        log.submit(Batch(events=[])).result(0)
    with pytest.raises(LogFailed, match="closed"):
        log.head()
    assert verify(path).rows == 2000


def test_reader_when_another_process_reads_then_sees_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    events = history(seed=1, steps=30)
    code = (
        "import sys; from pathlib import Path; from infrastructure.store import SqliteLogReader\n"
        "reader = SqliteLogReader(Path(sys.argv[1]))\n"
        "print(reader.head(), reader.checkpoint().last_bar, len(reader.read(0, 10**6)))\n"
        "reader.close()"
    )
    with closing(opened(path)) as log:
        log.append(Batch(events=events, checkpoint=Checkpoint(77, b"")))
        command = [sys.executable, "-c", code, str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert said.split() == [str(len(events)), "77", str(len(events))]


def test_reader_when_someone_commits_then_changed_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(opened(path)) as log, closing(SqliteLogReader(path)) as reader:
        assert reader.changed()
        assert not reader.changed()
        log.append(Batch(events=[mark(1)]))
        assert reader.changed()
        assert not reader.changed()
        reader.read()
        assert not reader.changed()


def test_digest_when_same_events_are_grouped_and_timed_otherwise_then_is_equal(
    tmp_path: Path,
) -> None:
    events = history(seed=5, steps=60)
    digests = []
    for name, size in (("one", 1), ("many", 37)):
        path = tmp_path / f"{name}.db"
        with closing(SqliteEventLog(path, now_us=TickingClock(size).now_us)) as log:
            for at in range(0, len(events), size):
                log.append(Batch(events=events[at : at + size]))
        digests.append(digest(path))
    assert digests[0] == digests[1]
    assert digests[0]["input"] != digests[0]["derived"]


def test_digest_when_an_event_of_one_kind_differs_then_only_that_digest_does(
    tmp_path: Path,
) -> None:
    digests: list[dict[Kind, str]] = []
    for last in (mark(2), mark(2, correlation="step/other")):
        path = tmp_path / f"{len(digests)}.db"
        with closing(opened(path)) as log:
            log.append(Batch(events=[mark(1), last]))
        digests.append(digest(path))
    assert digests[0]["input"] == digests[1]["input"]
    assert digests[0]["derived"] != digests[1]["derived"]
