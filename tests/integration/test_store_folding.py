"""A stream folds to the same state with and without snapshots."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from application.ports import Batch, Fold, Folded
from domain.event import Event
from domain.portfolio.events import EquityMarked
from infrastructure.store.folding import SNAPSHOT_EVERY, projector
from tests.store_samples import ACCOUNT, mark, marks, opened


class Total(Struct, frozen=True):
    marks: int = 0
    cash: Decimal = Decimal(0)
    last: dict[str, int] = {}


def evolve(state: Total, event: Event) -> Total:
    if not isinstance(event, EquityMarked):
        return state
    return Total(state.marks + 1, state.cash + event.cash, {event.stream: event.stream_version})


def refuse(state: Total, event: Event) -> Total:
    raise AssertionError("no event should have been replayed")


FOLD = Fold("total/1", Total(), evolve)


def test_load_when_stream_is_empty_then_gives_initial_state_at_version_zero(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        assert log.load(ACCOUNT, FOLD) == Folded(ACCOUNT, 0, Total())


def test_load_when_stream_is_long_then_snapshot_gives_the_same_state_with_less_replay(
    tmp_path: Path,
) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        log.append(Batch(events=marks(1, SNAPSHOT_EVERY + 20)))
        first = log.load(ACCOUNT, FOLD)
        assert (first.version, first.replayed) == (SNAPSHOT_EVERY + 20, SNAPSHOT_EVERY + 20)
        log.append(Batch(events=marks(SNAPSHOT_EVERY + 21, 3)))
        second = log.load(ACCOUNT, FOLD)
        assert (second.version, second.replayed) == (SNAPSHOT_EVERY + 23, 3)
        whole = projector(FOLD)(None, log.stream(ACCOUNT))
        assert whole is not None
        assert second.state == whole.state


def test_load_when_reducer_version_is_raised_then_old_snapshots_are_not_used(
    tmp_path: Path,
) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        log.append(Batch(events=marks(1, SNAPSHOT_EVERY)))
        log.load(ACCOUNT, FOLD)
        assert log.load(ACCOUNT, Fold("total/1", Total(), refuse)).replayed == 0
        newer = log.load(ACCOUNT, Fold("total/2", Total(), evolve))
        assert newer.replayed == SNAPSHOT_EVERY


def test_load_when_snapshots_are_deleted_then_state_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(opened(path)) as log:
        log.append(Batch(events=marks(1, SNAPSHOT_EVERY)))
        kept = log.load(ACCOUNT, FOLD)
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("DELETE FROM snapshots").rowcount == 1
            other.commit()
        assert log.load(ACCOUNT, FOLD).state == kept.state


def test_repository_when_asked_for_an_old_version_then_ignores_a_later_snapshot(
    tmp_path: Path,
) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        log.append(Batch(events=marks(1, SNAPSHOT_EVERY)))
        log.load(ACCOUNT, FOLD)
        old = log.repository(FOLD).get(ACCOUNT, version=7, projector_func=projector(FOLD))
        assert (old.version, old.state.marks) == (7, 7)


def test_snapshot_when_an_older_one_comes_late_then_the_newer_stays(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log.db")) as log:
        log._appender.save_snapshot(ACCOUNT, "total/1", 9, msgspec.json.encode(Total(9)))
        log._appender.save_snapshot(ACCOUNT, "total/1", 5, msgspec.json.encode(Total(5)))
        kept = log.snapshot(ACCOUNT, "total/1")
        assert kept is not None
        assert kept[0] == 9


@given(cut=st.integers(0, 30))
def test_projector_when_fold_is_split_anywhere_then_gives_the_same(cut: int) -> None:
    project = projector(FOLD)
    events = [mark(version) for version in range(1, 31)]
    whole = project(None, events)
    assert project(project(None, events[:cut]), events[cut:]) == whole
