"""A real openai client, and a server that misbehaves in every way: one reply each, by its code."""

import io
import json
import logging
import time
from typing import Any

import pytest

from application.llm_port import ATTEMPTS, Message, Reply
from infrastructure.llm.openai_chat import ENVELOPE, MOST_BYTES, OpenAiChat
from tests.llm_samples import KEY, chat
from tests.llm_server import (
    JSON,
    Behaviour,
    LlmServer,
    breaks_off,
    calls_a_tool,
    declines,
    drips,
    hangs,
    knows_only,
    says,
    says_whole,
    sends,
    stalls,
    status,
    streamed,
    whole,
)

SCHEMA = {"title": "word", "type": "object", "properties": {"word": {"type": "string"}}}
MESSAGES = (Message("system", "Answer in JSON."), Message("user", "Say a word."))
LONG = whole({"role": "assistant", "content": "x" * 1_000_000}, "stop", None)


def ask(model: OpenAiChat, **changes: Any) -> Reply:
    asked: dict[str, Any] = {"schema": SCHEMA, "temperature": 0.5, "seed": 7, "max_tokens": 100}
    return model.ask(MESSAGES, **{**asked, **changes})


def reply(*script: Behaviour, **changes: Any) -> tuple[Reply, LlmServer]:
    with LlmServer(*script) as server:
        return ask(chat(server.url, **changes)), server


@pytest.mark.parametrize("behaviour", [says("a wörd"), says_whole("a wörd")])
def test_reply_when_the_server_answers_then_it_has_text_bytes_and_the_servers_counts(
    behaviour: Behaviour,
) -> None:
    began = time.time_ns() // 1_000_000

    got, server = reply(behaviour)

    assert (got.outcome, got.code, got.detail, got.text) == ("answered", "", "", "a wörd")
    assert got.raw == server.exchanges[0].response
    assert (got.prompt_tokens, got.completion_tokens) == (7, 2)
    assert (got.model, got.temperature, got.seed) == ("scripted-1", 0.5, 7)
    assert began <= got.called_at <= time.time_ns() // 1_000_000
    assert 0 <= got.latency_ms < 20_000


def test_request_when_sent_then_it_carries_what_was_asked_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-service")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Other: sk-of-another-service")

    _, server = reply(says("word"))

    body = json.loads(server.requests[0])
    assert body["messages"] == [{"role": m.role, "content": m.content} for m in MESSAGES]
    assert (body["model"], body["temperature"], body["seed"]) == ("scripted-1", 0.5, 7)
    assert (body["stream"], body["max_tokens"]) == (True, 100)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "another-service" not in str(server.headers)


def test_request_when_there_is_no_key_then_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")

    _, server = reply(says("word"), key="")

    assert "authorization" not in server.headers[0]


FAILURES: dict[str, tuple[Behaviour, str, str, str]] = {
    "nothing": (sends(b""), "refused", "LLM_EMPTY", "no words"),
    "no words": (says("  "), "refused", "LLM_EMPTY", "no words"),
    "a tool": (calls_a_tool(), "refused", "LLM_EMPTY", "no words"),
    "a refusal": (declines("I cannot."), "refused", "LLM_REFUSED", "declined: I cannot."),
    "a filter": (says("w", finish="content_filter"), "refused", "LLM_REFUSED", "content filter"),
    "length": (says("w", finish="length"), "refused", "LLM_TRUNCATED", "longer than was allowed"),
    "an early end": (breaks_off("word " * 9), "refused", "LLM_TRUNCATED", "ended before"),
    "a break": (
        breaks_off("word " * 9, promised=True),
        "failed",
        "LLM_TRUNCATED",
        "connection broke after",
    ),
    "a megabyte": (sends(LONG), "refused", "LLM_TOO_LARGE", "more than 262,144 bytes"),
    "no JSON": (sends(b"{ not json"), "failed", "LLM_SERVER_ERROR", "no JSON"),
    "a page": (sends(b"<html>Log in</html>", "text/html"), "failed", "LLM_SERVER_ERROR", "<html>"),
    "an error in the stream": (
        sends(b'data: {"error": {"message": "overloaded"}}\n\n', "text/event-stream"),
        "failed",
        "LLM_SERVER_ERROR",
        "overloaded",
    ),
    "no choices": (sends(b'{"choices": []}'), "failed", "LLM_SERVER_ERROR", "without choices"),
    "packed": (
        sends(b"\x1f\x8b\x08", JSON, ("Content-Encoding", "gzip")),
        "failed",
        "LLM_REFUSED",
        "packed",
    ),
    "nested": (sends(b"[" * 200_000), "failed", "LLM_SERVER_ERROR", "no completion"),
    "nested deeper": (sends(b'{"a":' * 50_000), "failed", "LLM_SERVER_ERROR", "no JSON"),
    "401": (status(401, "who are you"), "failed", "LLM_REFUSED", "status 401"),
    "404": (status(404, "no such model"), "failed", "LLM_REFUSED", "no such model"),
    "a redirect": (
        status(302, "there", ("Location", "http://127.0.0.1:9/v1/chat/completions")),
        "failed",
        "LLM_REFUSED",
        "status 302",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_reply_when_the_answer_is_no_use_then_it_has_a_code_and_is_not_asked_for_again(
    name: str,
) -> None:
    behaviour, outcome, code, words = FAILURES[name]

    got, server = reply(behaviour)

    assert (got.outcome, got.code) == (outcome, code)
    assert words in got.detail
    assert got.text == ""
    assert len(server.requests) == 1
    assert len(got.raw) <= MOST_BYTES + 100 * ENVELOPE


@pytest.mark.parametrize("behaviour", [hangs(), stalls("word " * 50), drips("word " * 50, 0.1)])
def test_reply_when_the_server_is_slow_then_the_deadline_is_for_all_of_it(
    behaviour: Behaviour,
) -> None:
    began = time.monotonic()

    got, _ = reply(behaviour, timeout=1.0)

    assert (got.outcome, got.code) == ("failed", "LLM_TIMEOUT")
    assert time.monotonic() - began < 3.0
    assert got.prompt_tokens > 0  # the server had the prompt, and may count it


def test_reply_when_the_server_is_busy_then_it_is_asked_again() -> None:
    got, server = reply(status(429, "slowly"), status(500, "oh"), says("word"))

    assert (got.outcome, got.text) == ("answered", "word")
    assert len(server.requests) == 3
    assert got.detail.count("tried again after") == 2
    assert "slowly" in got.detail
    one = reply(says("word"))[0]
    assert got.prompt_tokens > one.prompt_tokens  # the attempt that failed with 500 counts too


def test_reply_when_the_server_stays_busy_then_it_is_asked_three_times_at_most() -> None:
    got, server = reply(*[status(429, "slowly")] * 5)

    assert (got.outcome, got.code) == ("failed", "LLM_RATE_LIMITED")
    assert len(server.requests) == ATTEMPTS
    assert got.prompt_tokens == got.completion_tokens == 0

    got, server = reply(*[status(503, "oh")] * 5)
    assert (got.code, len(server.requests)) == ("LLM_SERVER_ERROR", ATTEMPTS)


def test_reply_when_the_server_names_a_wait_then_it_is_kept_to() -> None:
    began = time.monotonic()

    got, _ = reply(status(429, "slowly", ("Retry-After", "0.4")), says("word"))

    assert got.text == "word"
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize("wait", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT", "10"])
def test_reply_when_the_wait_is_too_long_then_it_is_not_asked_again(wait: str) -> None:
    got, server = reply(status(429, "slowly", ("Retry-After", wait)), timeout=5.0)

    assert (got.code, len(server.requests)) == ("LLM_RATE_LIMITED", 1)
    assert "not tried again" in got.detail


def test_reply_when_nobody_listens_then_it_says_unreachable() -> None:
    with LlmServer() as server:
        gone = server.url

    got = ask(chat(gone))

    assert (got.outcome, got.code) == ("failed", "LLM_UNREACHABLE")
    assert got.detail.count("tried again") == ATTEMPTS - 1
    assert got.prompt_tokens == 0


@pytest.mark.parametrize("url", ["http://\u2603.example/v1", "http://[::1/v1", "nonsense", ""])
def test_reply_when_the_address_is_none_then_it_says_unreachable(url: str) -> None:
    assert ask(chat(url)).code == "LLM_UNREACHABLE"


def test_reply_when_the_proxy_is_none_then_it_says_unreachable_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"bogus://me:{KEY}@proxy")

    got = ask(chat("http://models.example/v1"))

    assert got.code == "LLM_UNREACHABLE"
    assert KEY not in repr(got)


def test_reply_when_an_error_is_ten_megabytes_long_then_its_beginning_is_read() -> None:
    got, _ = reply(sends_error(10_000_000), sends_error(10), sends_error(10))

    assert got.code == "LLM_SERVER_ERROR"
    assert len(got.detail) <= 400


def sends_error(size: int) -> Behaviour:
    return status(500, "y" * size)


@pytest.mark.parametrize(
    ("taken", "form"),
    [
        (("max_tokens", "temperature", "seed", "response_format:json_object"), "json_object"),
        (("max_tokens", "temperature", "seed"), None),
        (("max_completion_tokens",), None),
    ],
)
def test_request_when_the_server_knows_less_then_less_is_asked_and_that_is_remembered(
    taken: tuple[str, ...], form: str | None
) -> None:
    behaviour = knows_only(taken, "word")
    with LlmServer(*[behaviour] * 12) as server:
        model = chat(server.url)
        first = ask(model)
        asked = len(server.requests)
        second = ask(model)

    assert first.text == second.text == "word"
    assert "asked again" in first.detail
    assert second.detail == ""
    assert len(server.requests) == asked + 1
    last = json.loads(server.requests[-1])
    assert last.get("response_format", {}).get("type") == form
    assert ("seed" in last) == ("seed" in taken) == (second.seed is not None)


def test_request_when_the_server_turns_everything_down_then_asking_ends() -> None:
    got, server = reply(*[status(400, "no: max_tokens temperature seed stream_options")] * 20)

    assert (got.outcome, got.code) == ("failed", "LLM_REFUSED")
    assert len(server.requests) <= 8


def test_tokens_when_the_server_tells_none_then_they_are_estimated_high_and_it_says_so() -> None:
    told, _ = reply(says("word " * 200))

    got, _ = reply(says("word " * 200, usage=False))

    assert got.prompt_tokens >= told.prompt_tokens
    assert got.completion_tokens >= told.completion_tokens
    assert "estimated" in got.detail


def test_tokens_when_thoughts_are_streamed_then_the_estimate_has_them() -> None:
    chunk = {"choices": [{"delta": {"reasoning_content": "hm " * 300}}]}
    body = b"data: " + json.dumps(chunk).encode() + b"\n\n" + streamed("word", "stop", None)

    got, _ = reply(sends(body, "text/event-stream"))

    assert got.text == "word"
    assert got.completion_tokens >= 450


def test_key_when_a_server_repeats_it_then_it_is_nowhere() -> None:
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    level = root.level
    root.addHandler(handler)  # without the redaction of our own lines: that is not what helps
    root.setLevel(logging.DEBUG)
    try:
        with LlmServer(
            status(401, f"Incorrect API key provided: {KEY}"),
            says(f"your key is {KEY}"),
            status(500, KEY),
            breaks_off(f"{KEY} " * 4, promised=True),
        ) as server:
            model = chat(server.url)
            replies = [ask(model) for _ in range(3)]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    assert replies[1].text == "your key is [redacted]"
    for got in replies:
        assert KEY not in repr(got)
        assert KEY.encode() not in got.raw
    assert KEY not in repr(model)
    assert "HTTP" in written.getvalue()
    assert KEY not in written.getvalue()
    assert all(header["authorization"] == f"Bearer {KEY}" for header in server.headers)


def test_message_when_it_holds_a_secret_then_it_is_not_sent() -> None:
    with LlmServer(says("word")) as server:
        model = chat(server.url, secrets=("venue-secret-1",))
        for secret in (KEY, "venue-secret-1"):
            got = model.ask(
                (Message("user", f"my key is {secret}."),),
                schema=None,
                temperature=0.0,
                seed=None,
                max_tokens=5,
            )
            assert (got.outcome, got.code) == ("failed", "LLM_SECRET")
            assert secret not in repr(got)

    assert server.requests == []
