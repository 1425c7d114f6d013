"""A home at a venue's costs: opened with them, held to them, and replayed at them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e.program import answer, refusal, run_to_end
from tests.kernel_runs import STRATEGIES

FEED = ("--feed", "synthetic", "--bars", "4000", "--until-end")
ONE = ("--strategies", str(STRATEGIES[0]))


def instrument(home: Path) -> dict[str, Any]:
    """What the log says that the home was opened with, read without any of our code."""
    with closing(sqlite3.connect(f"file:{home / 'log.db'}?mode=ro", uri=True)) as database:
        (state,) = database.execute("SELECT state FROM events WHERE position = 1").fetchone()
    (found,) = json.loads(state)["instruments"]
    return dict(found)


def test_home_when_opened_at_a_venues_costs_then_they_are_recorded_and_hold(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_to_end(home, 3000, *ONE, "--venue-costs", "kucoinfutures")
    opened = instrument(home)
    assert (opened["costs_of"], opened["taker"]) == ("kucoinfutures", "0.0006")
    assert (opened["maintenance"], opened["slippage"]) == ("0.004", "0.001")

    run_to_end(home, 4000, *ONE)  # asked nothing: goes on at the home's own
    fill = answer("trades", "--home", str(home), "--limit", "1")
    assert fill
    assert answer("replay", "--home", str(home))["ok"] is True
    assert answer("audit", "safety", "--home", str(home))["ok"] is True

    said = refusal("run", *FEED, *ONE, "--home", str(home), "--venue-costs", "htx")
    assert "venue costs was 'htx', but this home was opened with those of 'kucoinfutures'" in said


def test_home_when_opened_without_a_venues_costs_then_asking_for_them_later_is_refused(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    run_to_end(home, 500, *ONE)
    assert "costs_of" not in instrument(home)
    said = refusal("run", *FEED, *ONE, "--home", str(home), "--venue-costs", "htx")
    assert "venue costs was 'htx', but this home was opened without" in said


def test_run_when_no_venue_has_the_name_then_it_is_refused_before_there_is_a_home(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    said = refusal("run", *FEED, *ONE, "--home", str(home), "--venue-costs", "ftx")
    assert "venue costs was 'ftx', must be one of: binanceusdm, " in said
    assert not home.exists()
