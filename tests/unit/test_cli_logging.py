"""Log lines are JSON, carry a correlation id, and never hold a secret."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.logging import REDACTED, Redact, configure

SECRET = "sk-live-4f9a2b"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    logging.getLogger().handlers = []
    file = tmp_path / "engine.log"
    configure("engine", secrets=(SECRET,), file=file)
    yield file
    for handler in logging.getLogger().handlers:
        handler.close()
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_log_line_when_nothing_is_bound_then_it_carries_the_process_as_correlation_id(
    log: Path,
) -> None:
    structlog.get_logger("feed").info("connected", venue="binance")

    (line,) = lines(log)
    assert line["correlation_id"] == "process/engine"
    assert line["event"] == "connected"
    assert line["level"] == "info"


def test_log_line_when_a_step_is_bound_then_library_lines_carry_its_id_too(log: Path) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id="step/60000"):
        structlog.get_logger("feed").info("ours")
        logging.getLogger("a.library").warning("theirs")

    assert [line["correlation_id"] for line in lines(log)] == ["step/60000", "step/60000"]


def test_log_line_when_a_traceback_holds_a_secret_then_it_is_blotted_out(log: Path) -> None:
    try:
        raise ValueError(f"could not sign in with {SECRET}")
    except ValueError:
        structlog.get_logger("llm").exception("sign-in failed", apiKey="other", Authorization="x")

    text = log.read_text()
    assert SECRET not in text
    (line,) = lines(log)
    assert line["apiKey"] == REDACTED
    assert line["Authorization"] == REDACTED
    assert "could not sign in with [redacted]" in line["exception"]


def test_log_line_when_a_count_sounds_like_a_secret_then_it_is_kept(log: Path) -> None:
    structlog.get_logger("llm").info("answered", tokens=120, monkey="business")

    (line,) = lines(log)
    assert (line["tokens"], line["monkey"]) == (120, "business")


def test_log_line_when_the_web_server_says_everyday_things_then_they_are_left_out(
    log: Path,
) -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).info("Started server process [%d]", 1)
    logging.getLogger("uvicorn.error").error("startup failed")

    assert [line["event"] for line in lines(log)] == ["startup failed"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(f"a {SECRET} b"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(("note", "body", "api_key", "token")), values))
def test_redaction_when_secrets_are_nested_anywhere_then_none_is_left(event: Any) -> None:
    redacted = Redact((SECRET,))(None, "info", event)

    assert SECRET not in json.dumps(redacted)
    for name in ("api_key", "token"):
        assert not redacted.get(name) or redacted[name] == REDACTED
