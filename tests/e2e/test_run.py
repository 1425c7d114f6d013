"""`perpetua run` from start to stop, as its user meets it."""

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.program import Running, alive, answer, head, perpetua, refusal, rows, run_to_end

SHORT = ("--feed", "synthetic", "--bars", "5000")
LONG = ("--feed", "synthetic", "--bars", "5000000")

QUERY = "{ status { feed venue position lag } strategies { id status mode } }"


def test_run_when_the_feed_ends_then_everything_is_durable_and_projected(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"

    finished = run_to_end(home, 5000)

    assert finished["bars"] == 5000
    assert finished["projected"] == finished["position"] == head(home)
    assert {line["strategy"] for line in finished["strategies"]} == {
        "rsi_macd_consensus",
        "volume_breakout",
        "vwap_reversion",
    }
    assert {line["sleeve"] for line in finished["strategies"]} == {"A", "B"}
    assert answer("audit", "verify", "--home", str(home))["ok"] is True


def test_run_when_the_feed_has_ended_then_it_serves_until_it_is_stopped(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Running(*SHORT, "--home", str(home)) as run:
        chosen = run.wait_for("chosen")
        engine = run.wait_for("started")["pid"]
        serving = run.wait_for("serving")
        run.wait_for("progress", lambda said: said["state"] == "finished" and said["lag"] == 0)

        reply = httpx.post(f"{serving['url']}/graphql", json={"query": QUERY}, timeout=30).json()
        second = refusal("run", *SHORT, "--home", str(home))

        assert run.stop(signal.SIGTERM) == 0

    assert chosen["reason"].startswith("asked for with --feed synthetic")
    assert reply["data"]["status"]["feed"] == "synthetic"
    assert len(reply["data"]["strategies"]) == 3
    assert f"is in use by pid {engine} (perpetua run" in second
    assert "one engine per home" in second
    assert not alive(engine)
    assert not alive(serving["pid"])
    assert answer("audit", "verify", "--home", str(home))["ok"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_when_stopped_while_trading_then_it_ends_cleanly_and_goes_on_later(
    tmp_path: Path, number: signal.Signals
) -> None:
    home = tmp_path / "home"
    with Running(*LONG, "--home", str(home)) as run:
        engine = run.wait_for("started")["pid"]
        run.wait_for("progress", lambda said: said["bars"] > 0)
        assert run.stop(number) == 0
        assert not alive(engine)
    stopped_at = head(home)

    with Running(*LONG, "--home", str(home)) as run:
        started = run.wait_for("started")
        assert run.stop() == 0

    assert started["position"] == stopped_at
    assert started["last_bar"] is not None
    assert answer("audit", "verify", "--home", str(home))["ok"] is True


def test_run_when_the_reader_is_killed_then_it_comes_back_at_the_same_address(
    tmp_path: Path,
) -> None:
    with Running(*SHORT, "--home", str(tmp_path / "home")) as run:
        first = run.wait_for("serving")
        os.kill(first["pid"], signal.SIGKILL)
        warning = run.wait_for("warning")
        second = run.wait_for("serving")
        assert httpx.get(f"{second['url']}/health", timeout=30).status_code == 200
        assert run.stop() == 0

    assert "the reader was killed by SIGKILL" in warning["message"]
    assert second["url"] == first["url"]
    assert second["pid"] != first["pid"]


def test_run_when_its_supervisor_is_killed_then_engine_and_reader_stop_too(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with Running(*LONG, "--home", str(home)) as run:
        engine = run.wait_for("started")["pid"]
        reader = run.wait_for("serving")["pid"]
        run.process.kill()
        run.ended()
        deadline = time.monotonic() + 30
        while (alive(engine) or alive(reader)) and time.monotonic() < deadline:
            time.sleep(0.05)

    assert not alive(engine)
    assert not alive(reader)
    assert answer("audit", "verify", "--home", str(home))["ok"] is True


def test_run_when_repeated_from_nothing_then_the_digests_are_equal(
    tmp_path: Path, finished_home: Path
) -> None:
    run_to_end(tmp_path / "again", 20_000)

    again = answer("audit", "digest", "--home", str(tmp_path / "again"))

    assert again == answer("audit", "digest", "--home", str(finished_home))
    assert set(again) == {"input", "derived"}


def test_run_when_its_output_is_no_terminal_then_it_still_says_what_it_did(tmp_path: Path) -> None:
    done = perpetua("run", *SHORT, "--home", str(tmp_path / "home"), "--until-end", "--port", "0")

    assert done.returncode == 0, done.stderr
    assert "Feed: synthetic: asked for with --feed synthetic" in done.stdout
    assert "GraphQL: http://127.0.0.1:" in done.stdout
    assert "vwap_reversion" in done.stdout
    assert "Finished: 5,000 bars" in done.stdout


def test_run_when_no_feed_is_named_and_no_venue_answers_then_it_says_why_it_makes_bars_up(
    tmp_path: Path,
) -> None:
    nowhere = {"PERPETUA_VENUE_URL": "http://127.0.0.1:9", "PERPETUA_VENUES": "binance"}
    with Running(
        "--bars", "2000", "--home", str(tmp_path / "home"), "--until-end", env=nowhere
    ) as run:
        chosen = run.wait_for("chosen")
        assert run.ended() == 0

    assert chosen["feed"] == "synthetic"
    assert "no venue answered within 5 s (binance: " in chosen["reason"]
    assert "PERPETUA_DATA is not set" in chosen["reason"]


def test_run_when_no_venue_answers_and_there_are_candles_then_they_are_traded(
    tmp_path: Path, candles: Path
) -> None:
    env = {
        "PERPETUA_VENUE_URL": "http://127.0.0.1:9",
        "PERPETUA_VENUES": "binance",
        "PERPETUA_DATA": str(candles),
    }
    with Running("--home", str(tmp_path / "home"), "--until-end", env=env) as run:
        chosen = run.wait_for("chosen")
        finished = run.wait_for("finished")
        assert run.ended() == 0

    assert chosen["feed"] == "recorded"
    assert f"{candles} holds candles" in chosen["reason"]
    assert finished["bars"] == 7200


def test_rows_when_two_runs_are_compared_then_only_the_clock_and_the_chain_differ(
    tmp_path: Path, finished_home: Path
) -> None:
    run_to_end(tmp_path / "again", 20_000)
    ours, theirs = rows(tmp_path / "again"), rows(finished_home)

    assert len(ours) == len(theirs) > 1000
    assert [row[:5] for row in ours] == [row[:5] for row in theirs]


def test_readme_when_its_query_is_pasted_then_it_is_answered(
    tmp_path: Path, finished_home: Path
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    query = readme.split("```graphql\n")[1].split("```")[0]
    with Running("--feed", "synthetic", "--bars", "20000", "--home", str(finished_home)) as run:
        url = run.wait_for("serving")["url"]
        reply = httpx.post(f"{url}/graphql", json={"query": query}, timeout=30).json()
        assert run.stop() == 0

    assert "errors" not in reply, reply
    assert len(reply["data"]["performance"]) == 2
    assert len(reply["data"]["trades"]["edges"]) == 5
