"""What a server does that nobody foresaw: no exception, no token uncounted, no secret kept."""

import json
import threading
import time
import tracemalloc
from typing import Any

import pytest

from application.llm_port import Message, Reply
from infrastructure.llm import wire
from tests.llm_samples import KEY, chat
from tests.llm_server import (
    JSON,
    Behaviour,
    LlmServer,
    Sent,
    hangs,
    says,
    sends,
    status,
    streamed,
    whole,
)

MESSAGES = (Message("user", "Say a word. " * 40),)
EVENTS = "text/event-stream"


def ask(model: Any) -> Reply:
    return model.ask(MESSAGES, schema=None, temperature=0.0, seed=None, max_tokens=100)


def reply(*script: Behaviour, **changes: Any) -> tuple[Reply, LlmServer]:
    with LlmServer(*script) as server:
        return ask(chat(server.url, **changes)), server


@pytest.mark.parametrize(
    "wait",
    ["Thu, 01 Jan 99999999999999999999 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 +99999999999999"],
)
def test_reply_when_the_wait_is_a_date_that_cannot_be_then_is_asked_again(wait: str) -> None:
    got, server = reply(status(429, "slowly", ("Retry-After", wait)), says("word"))
    assert got.text == "word"
    assert len(server.requests) == 2


def test_reply_when_the_question_cannot_be_spelled_then_it_has_a_code() -> None:
    got, server = reply(says("word"), model="model-\ud800")
    assert (got.outcome, got.code) == ("failed", "LLM_SERVER_ERROR")
    assert "went wrong" in got.detail
    assert server.requests == []


# What is counted


def breaks_before_its_body() -> Behaviour:
    return lambda request: Sent(b"", promised=500)


def test_tokens_when_the_connection_breaks_before_the_first_byte_then_the_prompt_counts() -> None:
    got, server = reply(*[breaks_before_its_body()] * 3)
    assert (got.outcome, got.code) == ("failed", "LLM_TRUNCATED")
    assert len(server.requests) == 1  # it may have been answered, and paid for
    assert got.prompt_tokens > 0


def test_tokens_when_the_answer_is_packed_then_the_prompt_counts() -> None:
    got, _ = reply(sends(b"\x1f\x8b\x08", JSON, ("Content-Encoding", "gzip")))
    assert got.code == "LLM_REFUSED"
    assert got.prompt_tokens > 0


def test_tokens_when_a_tool_is_called_at_length_then_they_are_estimated_with_it() -> None:
    tool = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "x" * 10_000}}
    message = {"role": "assistant", "content": None, "tool_calls": [tool]}
    got, _ = reply(sends(whole(message, "tool_calls", None)))
    assert got.code == "LLM_EMPTY"
    assert got.completion_tokens > 4_000


@pytest.mark.parametrize(
    ("total", "completion"),
    [(14_428, 4_308), (11_619, 1_499), (5, 1_499), (None, 1_499), ("x", 1_499)],
)
def test_tokens_when_thoughts_stand_in_the_total_alone_then_they_count(
    total: Any, completion: int
) -> None:
    usage = {"prompt_tokens": 10_120, "completion_tokens": 1_499, "total_tokens": total}
    got, _ = reply(sends(whole({"role": "assistant", "content": "word"}, "stop", usage)))
    assert (got.prompt_tokens, got.completion_tokens) == (10_120, completion)


# What is kept


def spelled() -> str:
    """The key, spelled in JSON with escapes."""
    return "".join(f"\\u{ord(c):04x}" for c in KEY)


def around(position: int) -> bytes:
    """An answer that is no completion, the key across a place where it is cut."""
    return b"x" * (position - len(KEY) // 2) + KEY.encode() + b"y" * 50


def status_of(body: bytes) -> Behaviour:
    return lambda request: Sent(body, status=401, kind=JSON)


LEAKS: dict[str, Behaviour] = {
    "across the cut of an error": status(401, "n" * (160 - 34 - len(KEY) // 2) + KEY),
    "across the cut of a text": sends(around(60), "text/plain"),
    "across the end of what is read": lambda request: Sent(around(4_096), status=500),
    "in two chunks of a stream": sends(streamed(f"it is {KEY}, then", "stop", None), EVENTS),
    "escaped": sends(
        whole({"role": "assistant", "content": "it is KEY"}, "stop", None).replace(
            b"KEY", spelled().encode()
        )
    ),
    "escaped behind a byte order mark": sends(
        b"\xef\xbb\xbf"
        + whole({"role": "assistant", "content": "w"}, "stop", None)[:-1]
        + b', "x": "'
        + spelled().encode()
        + b'"}'
    ),
    "escaped in a body that breaks off": sends(
        b'{"choices": [], "x": "' + spelled().encode() + b'", "y": '
    ),
    "escaped in a list": sends(b'["' + spelled().encode() + b'"]'),
    "escaped in an error that is long": status_of(
        b'{"error": {"message": "' + spelled().encode() + b"n" * 9_000 + b'"}}'
    ),
    "escaped in a name": sends(
        b'{"choices": [{"message": {"content": "word", "KEY": 1}}]}'.replace(
            b"KEY", spelled().encode()
        )
    ),
    "in thoughts, cut in two": sends(
        b"".join(
            b"data: "
            + json.dumps({"choices": [{"delta": {"reasoning_content": part}}]}).encode()
            + b"\n\n"
            for part in (KEY[:9], KEY[9:])
        )
        + streamed("word", "stop", None),
        EVENTS,
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_key_when_a_server_repeats_it_in_some_guise_then_no_part_of_it_is_kept(name: str) -> None:
    got, _ = reply(*[LEAKS[name]] * 3)
    for kept in (got.detail, got.text, got.raw.decode("utf-8", "replace")):
        assert KEY[:12] not in kept
        assert spelled()[:40] not in kept
    if not got.raw:
        assert "it spells a secret" in got.detail


def test_answer_when_it_is_nested_deep_then_looking_for_secrets_takes_little_memory() -> None:
    deep = b'{"key of some length \xf0\x9f\x98\x80":' * 900
    body = deep + b'"' + b"x" * 300_000 + b'"' + b"}" * 900
    tracemalloc.start()
    try:
        assert "x" * 300_000 in wire.said(b"data: " + body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * len(body)


# What is given up


def test_question_when_told_to_stop_then_is_given_up_at_once_and_counted() -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    got, _ = reply(hangs(), stopped=stop.is_set)
    assert (got.outcome, got.code) == ("failed", "LLM_STOPPED")
    assert time.monotonic() - began < 5.0
    assert got.prompt_tokens > 0
    assert got.completion_tokens == 100  # all that it may have thought by then
    with LlmServer(says("word")) as server:
        again = ask(chat(server.url, stopped=stop.is_set))
    assert (again.code, again.prompt_tokens, server.requests) == ("LLM_STOPPED", 0, [])
