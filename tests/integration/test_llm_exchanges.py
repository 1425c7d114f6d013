"""Recorded exchanges replay byte for byte: prompts are written today as they were when recorded.

Where a prompt was changed on purpose: `python -m tests.llm_recording`, and look at the difference.
"""

from typing import Any

import msgspec
import pytest

from application.improvement.authoring import Answer, Call
from tests.llm_recording import FOLDER, SCENARIOS, recorded
from tests.llm_samples import KEY, chat
from tests.llm_server import LlmServer


def replayed(name: str) -> tuple[Any, LlmServer]:
    model, exchanges = recorded(name)
    with LlmServer(exchanges=exchanges) as server:
        return SCENARIOS[name].run(chat(server.url, model=model)), server


def calls_of(result: Any) -> tuple[Call, ...]:
    return result.calls if isinstance(result, Answer) else (result[1],)


@pytest.mark.parametrize("name", SCENARIOS)
def test_exchange_when_replayed_then_prompts_and_answers_are_the_recorded_bytes(name: str) -> None:
    _, exchanges = recorded(name)

    result, server = replayed(name)

    asked = [exchange.request for exchange in exchanges]
    assert server.requests == asked, "prompts changed: python -m tests.llm_recording"
    assert [call.response for call in calls_of(result)] == [e.response for e in exchanges]


@pytest.mark.parametrize("name", SCENARIOS)
def test_exchange_when_replayed_twice_then_all_but_the_clock_is_the_same(name: str) -> None:
    one, other = (msgspec.to_builtins(replayed(name)[0]) for _ in range(2))

    assert untimed(one) == untimed(other)


def untimed(value: Any) -> Any:
    if isinstance(value, dict):
        clock = ("called_at", "latency_ms")
        return {key: untimed(each) for key, each in value.items() if key not in clock}
    return [untimed(each) for each in value] if isinstance(value, list | tuple) else value


def test_exchange_when_a_prompt_was_never_recorded_then_the_call_fails() -> None:
    _, exchanges = recorded("recode")
    with LlmServer(exchanges=exchanges) as server:
        got = SCENARIOS["injected"].run(chat(server.url))

    assert (got.code, got.candidates) == ("LLM_REFUSED", ())
    assert "never recorded" in got.reason


def test_exchanges_when_kept_then_no_key_is_in_them_and_none_is_left_over() -> None:
    files = sorted(FOLDER.glob("*.json"))

    assert [file.stem for file in files] == sorted(SCENARIOS)
    assert all(KEY not in file.read_text(encoding="utf-8") for file in files)


def test_server_when_it_passes_requests_on_then_the_answer_is_recorded_as_it_came() -> None:
    _, exchanges = recorded("recode")
    with LlmServer(exchanges=exchanges) as real, LlmServer(upstream=real.url) as server:
        got = SCENARIOS["recode"].run(chat(server.url))

    assert len(got.candidates) == 2
    assert server.exchanges == exchanges
    assert real.headers[0]["authorization"] == f"Bearer {KEY}"
