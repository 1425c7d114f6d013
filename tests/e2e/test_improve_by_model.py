"""`perpetua run --improve --author llm` against a server that is not always at its best.

The home is begun by the search, and killed before that answered its first look; the model goes on
in its place. It answers well once, fails three times, talks at length about nothing, and is then
too dear to be asked.
"""

import json
import re
import signal
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.improvement import ImprovementSet
from domain.strategy.events import VersionActivated
from domain.strategy.improvement import RecodeAnswered, RecodeFailed, RecodeRequested
from tests.e2e.improving import (
    NEVER_SEEN,
    SEAL,
    TWICE,
    holds,
    improve_to_end,
    kill_at,
    options,
    texts,
    told,
    write_market,
)
from tests.e2e.program import PATIENCE, Running, answer, head
from tests.improvement_fakes import FADE
from tests.llm_samples import KEY, candidate
from tests.llm_samples import answer as said
from tests.llm_server import (
    JSON,
    MODEL,
    Behaviour,
    LlmServer,
    Sent,
    counted,
    hangs,
    says,
    status,
    whole,
)

GOOD = said(candidate("Fade the swings.", None, lean=FADE, least=0.002))
NOTHING = f"I would rather talk about your key, {KEY}."
DEAR = 350_000  # tokens of a prompt, as the server has it
CAP = 400_000
MILLION = 1_000_000
PRICE = re.compile(r"(?<![\w.])[1-9]\d{4,5}\.\d+")  # and money of as many digits
MOMENT = re.compile(r"(?<![\w.])1[67]\d{11}(?!\d)")


class Improved(NamedTuple):
    home: Path
    server: LlmServer
    asked: tuple[dict[str, Any], ...]  # requests, as the server got them
    keys: tuple[str, ...]  # and what they were let in by
    said: str  # all that the run wrote to its terminal


def talks_at_length() -> Behaviour:
    """Answer without an answer, and count dearly."""

    def answer(request: dict[str, Any]) -> Sent:
        usage = {**counted(request, NOTHING), "prompt_tokens": DEAR}
        return Sent(whole({"role": "assistant", "content": NOTHING}, "stop", usage), kind=JSON)

    return answer


def wait_for_a_day_that_lasts() -> None:
    """Caps are for a UTC day of the wall clock: begin none of these calls just before it ends."""
    left = 86_400 - time.time() % 86_400
    if left < 100:
        time.sleep(left)


@pytest.fixture(scope="module")
def improved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Improved]:
    data = write_market(tmp_path_factory.mktemp("market"))
    home = tmp_path_factory.mktemp("by_model") / "home"
    many = options(data, home, "--improve", "--candidates", "64")
    kill_at("strategy.recode_requested/1", home, *many)
    assert not told(home, RecodeAnswered), "killed too late: the search has answered"
    wait_for_a_day_that_lasts()
    with LlmServer(says(GOOD), *[status(500, "on fire")] * 3, talks_at_length()) as server:
        env = {
            "PERPETUA_LLM_URL": server.url,
            "PERPETUA_LLM_MODEL": MODEL,
            "PERPETUA_LLM_KEY": KEY,
            "PERPETUA_LLM_PRICE_IN": "1.25",
            "PERPETUA_LLM_PRICE_OUT": "10",
            "PERPETUA_LLM_TOKENS_PER_DAY": str(CAP),
        }
        other = options(data, home, "--author", "llm", "--candidates", "2")
        run = improve_to_end(*other, env=env)
        yield Improved(
            home,
            server,
            tuple(map(json.loads, server.requests)),
            tuple(headers["authorization"] for headers in server.headers),
            json.dumps(run.said) + run.stderr,
        )


def test_run_when_the_author_is_changed_then_it_is_recorded_and_asked_again(
    improved: Improved,
) -> None:
    by = [(each.author, each.candidates) for each in told(improved.home, ImprovementSet)]
    assert by == [("search", 64), ("llm", 2)]
    (answered,) = told(improved.home, RecodeAnswered)
    assert (answered.number, answered.author, answered.candidates) == (1, "llm", ("v2",))
    assert [each.version for each in told(improved.home, VersionActivated)] == ["v1", "v2"]


def test_run_when_a_model_fails_then_each_failure_is_recorded_and_the_run_goes_on(
    improved: Improved,
) -> None:
    failures = told(improved.home, RecodeFailed)
    assert [(each.number, each.code) for each in failures] == [
        (2, "LLM_SERVER_ERROR"),
        (3, "LLM_NOT_JSON"),
        (4, "LLM_BUDGET"),
    ]
    assert {each.author for each in failures} == {"llm"}
    budget = failures[-1].reason
    assert f"must be at most {CAP:,} (PERPETUA_LLM_TOKENS_PER_DAY)" in budget
    assert "calls open again at " in budget
    assert len(improved.asked) == 1 + 3 + 1  # and not once more
    assert failures[-1].tokens == 0


def test_llm_log_and_totals_when_read_then_tell_calls_tokens_and_dollars(
    improved: Improved,
) -> None:
    calls = answer("llm", "log", "--home", str(improved.home))
    assert [(call["number"], call["outcome"], call["code"]) for call in calls] == [
        (1, "answered", ""),
        (2, "failed", "LLM_SERVER_ERROR"),
        (3, "refused", "LLM_NOT_JSON"),
    ]
    assert calls[0]["versions"] == ["v2"]
    first, last = (counted(improved.asked[n], text) for n, text in ((0, GOOD), (-1, NOTHING)))
    assert calls[0]["prompt_tokens"] == first["prompt_tokens"]
    assert calls[0]["completion_tokens"] == first["completion_tokens"]
    assert calls[2]["prompt_tokens"] == DEAR
    assert calls[2]["completion_tokens"] == last["completion_tokens"]
    for call in calls:
        dollars = Decimal("1.25") * call["prompt_tokens"] + 10 * call["completion_tokens"]
        assert Decimal(call["cost"]) == dollars / MILLION
    totals = answer("llm", "totals", "--home", str(improved.home))
    total = totals["total"]
    assert (total["calls"], total["answered"], total["failed"], total["refused"]) == (3, 1, 1, 1)
    for name in ("prompt_tokens", "completion_tokens"):
        assert total[name] == sum(call[name] for call in calls)
    assert Decimal(total["cost"]) == sum(Decimal(call["cost"]) for call in calls)
    assert [version["version"] for version in totals["versions"]] == ["v2"]


def test_key_when_a_model_was_asked_then_is_sent_to_it_and_is_nowhere_else(
    improved: Improved,
) -> None:
    assert set(improved.keys) == {f"Bearer {KEY}"}
    files = dict(texts(improved.home))
    assert {"log.db", "views.db", "engine.log"} <= {file.name for file in files}
    assert [file for file, content in files.items() if KEY.encode() in content] == []
    log = b"".join(content for file, content in files.items() if file.name.startswith("log.db"))
    assert b"rather talk about your key" in log, "what is looked for would be in no file"
    assert KEY not in improved.said
    assert KEY not in json.dumps(improved.asked)


def test_prompts_when_sent_then_no_price_or_moment_after_the_split_is_in_them(
    improved: Improved,
) -> None:
    looks = {look.number: look for look in told(improved.home, RecodeRequested)}
    for number, request in zip((1, 2, 2, 2, 3), improved.asked, strict=True):
        text = "\n".join(message["content"] for message in request["messages"])
        prices = [float(price) for price in PRICE.findall(text)]
        moments = [int(moment) for moment in MOMENT.findall(text)]
        assert len(prices) > 20
        assert len(moments) > 20
        assert max(prices) < TWICE
        assert looks[number].start <= min(moments)
        assert max(moments) < looks[number].split < SEAL
        assert str(NEVER_SEEN) not in text


@pytest.mark.long
def test_replay_when_the_author_was_changed_while_it_was_asked_then_nothing_differs_or_is_asked(
    improved: Improved,
) -> None:
    replayed = answer("replay", "--home", str(improved.home))
    assert (replayed["ok"], replayed["difference"]) == (True, None)
    assert replayed["reproduced"] == head(improved.home)
    assert len(improved.server.requests) == len(improved.asked)


def test_run_when_stopped_while_a_model_is_asked_then_ends_at_once_and_asks_again_later(
    tmp_path: Path,
) -> None:
    data, home = write_market(tmp_path), tmp_path / "home"
    given = options(data, home, "--improve", "--author", "llm", "--candidates", "2")
    with LlmServer(hangs(), says(GOOD)) as server:
        env = {"PERPETUA_LLM_URL": server.url, "PERPETUA_LLM_MODEL": MODEL}
        with Running(*given, env=env) as run:
            deadline = time.monotonic() + PATIENCE
            while not server.requests and time.monotonic() < deadline:
                time.sleep(0.01)
            began = time.monotonic()
            run.stop(signal.SIGINT)
            stopped_in = time.monotonic() - began
        asked = answer("llm", "log", "--home", str(home))
        before = told(home, RecodeFailed), len(told(home, RecodeRequested))
        with Running(*given, env=env) as run:
            while not holds(home, "strategy.recode_answered/1"):
                time.sleep(0.01)
            run.stop(signal.SIGINT)
    assert stopped_in < 30.0
    assert "killed" not in run.stderr
    assert [call["code"] for call in asked] == ["LLM_STOPPED"]
    assert asked[0]["prompt_tokens"] > 0
    assert before == ([], 1)
    assert [each.number for each in told(home, RecodeAnswered)] == [1]
    assert answer("replay", "--home", str(home))["ok"]
