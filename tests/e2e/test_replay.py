"""`perpetua replay`: what was traded is proved from its inputs, and what was altered is named."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from infrastructure.bar_records import RECORD, seal
from tests.e2e.program import Running, answer, head, perpetua, refusal, rows

DAY = 86_400_000


@pytest.fixture
def home(tmp_path: Path, finished_home: Path) -> Path:
    copy = tmp_path / "home"
    shutil.copytree(finished_home, copy, ignore=shutil.ignore_patterns("engine.sock", "lock"))
    return copy


def test_replay_when_nothing_was_altered_then_every_event_is_reproduced(home: Path) -> None:
    before = rows(home)
    told = answer("replay", "--home", str(home))
    assert (told["ok"], told["difference"]) == (True, None)
    assert told["reproduced"] == told["position"] == head(home)
    assert told["input"] + told["derived"] == told["reproduced"]
    part = answer("replay", "--home", str(home), "--strategy", "vwap_reversion", "--to", "900")
    assert part["ok"]
    assert 0 < part["reproduced"] < part["position"] == 900
    assert rows(home) == before


def test_replay_when_an_engine_runs_then_what_it_had_made_durable_is_proved(tmp_path: Path) -> None:
    home = tmp_path / "home"
    options = ("--feed", "synthetic", "--bars", "5000000", "--home", str(home))
    with Running(*options) as run:
        run.wait_for("progress", lambda said: said["bars"] > 0)
        told = answer("replay", "--home", str(home))
        assert told["ok"]
        assert 0 < told["reproduced"] == told["position"] <= head(home)
        assert run.process.poll() is None


def test_replay_when_an_event_was_altered_then_it_is_named_with_its_bar(home: Path) -> None:
    with closing(sqlite3.connect(home / "log.db")) as log:
        for (name,) in log.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            log.execute(f"DROP TRIGGER {name}")
        topic = "portfolio.order_filled/1"
        wanted = "SELECT position, state FROM events WHERE topic = ? ORDER BY position LIMIT 1"
        position, state = log.execute(wanted, (topic,)).fetchone()
        new = bytes(state).replace(b'"fee":"', b'"fee":"1')
        log.execute("UPDATE events SET state = ? WHERE position = ?", (new, position))
        log.commit()

    line = refusal("replay", "--home", str(home))
    assert f"event {position} of {home / 'log.db'} (bar 2024-" in line
    done = perpetua("replay", "--home", str(home), "--json")
    assert done.returncode == 1
    for words in ('"fields": [', '"fee"', '"expected": {', f'"position": {position}'):
        assert words in done.stdout
    assert answer("replay", "--home", str(home), "--to", str(position - 1))["ok"]


def test_replay_when_the_journal_was_altered_then_the_day_is_named(home: Path) -> None:
    (journal,) = (home / "bars").iterdir()
    records = np.fromfile(journal, RECORD)
    records["bar"]["high"][100] *= 2
    journal.write_bytes(seal(records["bar"].copy()))

    line = refusal("replay", "--home", str(home))
    day = records["bar"]["timestamp"][100] // DAY
    date = np.datetime64(int(day), "D")
    assert (
        f"the journal's bars of {date} are not those that were used (see {home / 'bars'})" in line
    )


def test_replay_when_there_is_nothing_to_replay_then_says_why(tmp_path: Path, home: Path) -> None:
    assert "holds no log yet" in refusal("replay", "--home", str(tmp_path / "nowhere"))
    unknown = refusal("replay", "--home", str(home), "--strategy", "nobody")
    assert "strategy was 'nobody', must be one of: rsi_macd_consensus" in unknown
    assert "to was 99999999, must be a position of the log" in refusal(
        "replay", "--home", str(home), "--to", "99999999"
    )
    (journal,) = (home / "bars").iterdir()
    journal.unlink()
    assert f"{journal}: cannot be opened" in refusal("replay", "--home", str(home))
