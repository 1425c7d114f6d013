"""What was stored once is readable for ever, to the byte."""

import shutil
from pathlib import Path

import pytest

from domain.event import TOPICS
from infrastructure.store.chain import GENESIS, link
from infrastructure.store.mapper import UPCASTERS, MsgspecMapper
from tests.logs.grow import LOG, grow, read

LINES = read()


def test_golden_log_when_topics_are_registered_then_holds_one_of_each() -> None:
    missing = sorted(set(TOPICS) - {line["topic"] for line in LINES})
    assert not missing, "add an example to tests/logs/grow.py and run it"


@pytest.mark.parametrize("line", LINES, ids=[line["topic"] for line in LINES])
def test_golden_event_when_decoded_and_encoded_then_gives_equal_bytes(
    line: dict[str, object],
) -> None:
    mapper, topic, state = MsgspecMapper(), str(line["topic"]), str(line["state"]).encode()
    event = mapper.to_event(topic, state)
    assert (event.stream, event.stream_version) == (line["stream"], line["version"])
    assert event.correlation_id == line["correlation_id"]
    if topic not in UPCASTERS:  # an upcast event is stored in its new shape
        assert mapper.to_row(event).state == state


def test_golden_chain_when_recomputed_then_is_equal() -> None:
    tip = GENESIS
    for at, line in enumerate(LINES, start=1):
        assert line["position"] == at
        tip = link(
            tip,
            line["position"],
            line["stream"].encode(),
            line["version"],
            line["recorded_at"],
            line["topic"].encode(),
            line["state"].encode(),
        )
        assert line["chain"] == tip.hex()


def test_golden_log_when_grown_then_keeps_every_line_it_had(tmp_path: Path) -> None:
    copy = tmp_path / "log.jsonl"
    first = LOG.read_bytes().splitlines(keepends=True)[:10]
    copy.write_bytes(b"".join(first))
    added = grow(copy)
    assert copy.read_bytes().startswith(b"".join(first))
    assert [line["topic"] for line in read(copy)][10:] == added
    assert added

    shutil.copy(LOG, copy)
    assert grow(copy) == []
    assert copy.read_bytes() == LOG.read_bytes()
