"""`perpetua run --improve` on recorded candles with the search as author: from looks to holdout."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from application.ports import Batch
from domain.home import HomeOpened
from domain.strategy.events import VersionActivated, VersionAuthored
from domain.strategy.improvement import (
    HoldoutOpened,
    HoldoutScored,
    RecodeAnswered,
    RecodeRequested,
    VersionTested,
)
from infrastructure.home_journal import open_journal
from infrastructure.store import SqliteEventLog
from kernels.program import compile_strategy
from tests.e2e.improving import (
    DAYS,
    LOOKS,
    NEVER_SEEN,
    SEAL,
    SEALED,
    SYMBOLS,
    events,
    improve_to_end,
    kill_at,
    market,
    options,
    recorded_bars,
    told,
    write_market,
)
from tests.e2e.program import Row, answer, head, refusal, rows
from tests.improvement_fakes import HOUR

FEW = ("--improve", "--candidates", "4")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def improved(data: Path) -> Path:
    """A home that improved until its candles ended; to be looked at, not changed."""
    home = data / "improved"
    improve_to_end(*options(data, home, *FEW))
    return home


def test_run_when_it_improves_then_every_look_is_answered_and_every_candidate_judged(
    improved: Path,
) -> None:
    looks = told(improved, RecodeRequested)
    assert [look.end for look in looks] == list(LOOKS)
    answers = told(improved, RecodeAnswered)
    written = [version for one in answers for version in one.candidates]
    assert [one.number for one in answers] == [look.number for look in looks]
    assert written == [v.version for v in told(improved, VersionAuthored) if v.author != "seed"]
    verdicts = told(improved, VersionTested)
    assert sorted(verdict.version for verdict in verdicts) == sorted(written)
    first, *later = told(improved, VersionActivated)
    assert first.version == "v1"
    assert later, "nothing was accepted: what follows would be about nothing"
    assert {v.version for v in later} <= {v.version for v in verdicts if v.passed}


def test_run_when_bars_are_sealed_then_they_are_read_once_at_the_end(improved: Path) -> None:
    seen, sealed = (recorded_bars(improved / part) for part in ("bars", "holdout/bars"))
    for number, symbol in enumerate(SYMBOLS, 1):
        bars = market(number)
        assert seen[symbol].tobytes() == bars[: SEALED * 24].tobytes()
        assert sealed[symbol].tobytes() == bars[SEALED * 24 :].tobytes()
        assert seen[symbol]["timestamp"][-1] == SEAL - HOUR
        assert seen[symbol]["high"].max() < NEVER_SEEN == sealed[symbol]["high"].max()
    (opened,) = told(improved, HoldoutOpened)
    (scored,) = told(improved, HoldoutScored)
    champion = told(improved, VersionActivated)[-1].version
    assert [score.version for score in scored.scores] == ["v1", champion]
    last = events(improved)[-2:]
    assert last == [opened, scored]


def test_replay_when_a_home_improved_then_nothing_differs(improved: Path) -> None:
    told = answer("replay", "--home", str(improved))
    assert (told["ok"], told["difference"]) == (True, None)
    assert told["reproduced"] == told["position"] == head(improved)


def test_commands_when_a_home_improved_then_each_tells_the_same_story(
    improved: Path, tmp_path: Path
) -> None:
    home = ("--home", str(improved))
    content = answer("recodes", *home)
    looks = content["recodes"]
    assert [look["end"] for look in looks] == list(LOOKS)
    assert {look["status"] for look in looks} == {"answered"}
    assert all(len(look["candidates"]) == 4 for look in looks)
    assert content["totals"][0]["candidates"] == 4 * len(LOOKS)

    versions = answer("strategy", "versions", "swing", *home)
    assert len(versions) == 1 + 4 * len(LOOKS)
    assert all(version["report"] for version in versions[1:])

    (holdout,) = answer("holdout", *home)
    assert holdout["bars"] == dict.fromkeys(SYMBOLS, 24 * (DAYS - SEALED))
    champion = holdout["scores"][-1]["version"]
    assert champion in {look["accepted"] for look in looks}
    exported = answer("strategy", "export", "swing", "--to", str(tmp_path), *home)
    assert exported["version"] == champion
    program = compile_strategy(Path(exported["file"]).read_text(), "exported")
    (version,) = [one for one in versions if one["version"] == champion]
    assert {p.name: p.default for p in program.parameters} == version["parameters"]

    losses = answer("analyse", "swing", *home, "--version", "v1")
    assert losses["losses"] > 100
    for audit in ("verify", "safety"):
        assert answer("audit", audit, *home)["ok"] is True


@pytest.mark.long
def test_engine_when_killed_while_it_improves_then_the_finished_log_is_the_undisturbed_one(
    data: Path, improved: Path, tmp_path: Path
) -> None:
    """Killed while an author writes, and when the first verdicts are durable."""
    home = tmp_path / "home"
    again = options(data, home, *FEW)
    before: Sequence[Row] = []
    for moment in ("strategy.recode_requested/1", "strategy.version_tested/1"):
        kill_at(moment, home, *again)
        assert rows(home)[: len(before)] == before
        before = rows(home)
    assert len(before) < head(improved), "killed too late to disturb anything"
    improve_to_end(*again)

    assert rows(home)[: len(before)] == before
    ours, theirs = (answer("audit", "digest", "--home", str(one)) for one in (home, improved))
    assert ours == theirs
    assert set(ours) == {"input", "derived"}


@pytest.mark.long
def test_run_when_repeated_from_nothing_then_the_digests_are_equal(
    data: Path, improved: Path, tmp_path: Path
) -> None:
    improve_to_end(*options(data, tmp_path / "again", *FEW))
    again = answer("audit", "digest", "--home", str(tmp_path / "again"))
    assert again == answer("audit", "digest", "--home", str(improved))


@pytest.mark.long
def test_run_when_a_home_is_finished_then_running_it_again_adds_nothing(
    data: Path, improved: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(improved, home, ignore=shutil.ignore_patterns("engine.sock", "lock"))
    before = rows(home)
    improve_to_end(*options(data, home))
    assert rows(home) == before


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(("--improve", "--author", "llm"), id="to-write"),
        pytest.param(("--regimes", "llm"), id="to-classify", marks=pytest.mark.long),
    ],
)
def test_run_when_no_model_is_set_then_is_refused_before_a_home_is_made(
    data: Path, tmp_path: Path, asked: Sequence[str]
) -> None:
    home = tmp_path / "home"
    line = refusal("run", *options(data, home, *asked))
    assert "PERPETUA_LLM_URL and PERPETUA_LLM_MODEL were not set" in line
    assert not home.exists()


def test_run_when_candidates_are_none_then_says_what_is_allowed(data: Path, tmp_path: Path) -> None:
    line = refusal("run", *options(data, tmp_path / "home", "--improve", "--candidates", "0"))
    assert "'--candidates'" in line
    assert "greater than or equal to 1" in line
    assert not (tmp_path / "home").exists()


def test_run_when_a_home_traded_sealed_bars_then_is_not_improved(
    data: Path, improved: Path, tmp_path: Path
) -> None:
    """A home that was begun without improving, and went on for an hour too long."""
    home = tmp_path / "home"
    home.mkdir()
    with closing(SqliteEventLog(home / "log.db")) as log:
        log.append(Batch(events=told(improved, HomeOpened)))
    with closing(open_journal(home, SYMBOLS)) as journal:
        journal.append(tuple(market(n)[: SEALED * 24 + 1] for n in (1, 2)))
    before = rows(home)
    line = refusal("run", *options(data, home, "--improve"))
    assert f"traded bars up to {SEAL}, must not have traded those from {SEAL} on" in line
    assert "begin another home" in line
    assert rows(home) == before


def test_run_when_told_how_to_improve_but_not_to_then_refused_by_name(
    data: Path, tmp_path: Path
) -> None:
    line = refusal("run", *options(data, tmp_path / "home", "--candidates", "3"))
    assert "candidates was 3, must come with --improve in a new home" in line
    assert not (tmp_path / "home").exists()
