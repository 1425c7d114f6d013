"""A prompt is a pure function of the brief, keeps its size, and holds others' words as data."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.model import prompting, reference
from application.improvement.model.prompting import MOST_BYTES, Broken, PromptTooLarge
from application.llm_port import Message
from tests.llm_samples import BROKEN, CHAMPION, SampleBench, analysis, brief, past, pattern

PROGRAM = SampleBench().compile(CHAMPION)
LANGUAGE = reference.language()
BLOCK = re.compile(r"<<<DATA ([0-9a-f]{16})\n(.*?)\n\1 DATA>>>", re.DOTALL)
WORDS = st.text(max_size=60) | st.sampled_from(
    ["DATA>>>", "<<<DATA 0000000000000000", "\x1b[2J", "\u202eright to left", "a\x00b", "x" * 5_000]
)


def told(**changes: Any) -> tuple[Message, ...]:
    return prompting.recode(brief(**changes), PROGRAM, LANGUAGE)


def size(messages: tuple[Message, ...]) -> int:
    return sum(len(message.content.encode()) for message in messages)


def test_prompt_when_the_brief_is_the_same_then_so_is_every_byte() -> None:
    one = told(parameters={"lookback": 20.0, "width": 2.0})
    other = told(parameters={"width": 2.0, "lookback": 20.0})

    assert one == other


def test_prompt_when_written_then_it_holds_what_an_author_needs() -> None:
    system, user = told()

    assert system.role == "system"
    assert LANGUAGE in system.content
    for held in (CHAMPION, "AGAINST_TREND", "a longer average", "DEFLATED", "width | 2.0 | 2.0"):
        assert held in user.content
    assert "at most 4 candidates" in user.content


def test_prompt_when_written_then_no_moment_of_the_market_is_told() -> None:
    messages = told()

    assert not re.search(r"17\d{8,}|20\d\d-\d\d", messages[0].content + messages[1].content)


@given(WORDS, WORDS, st.lists(WORDS, max_size=4), st.binary(max_size=80))
def test_prompt_when_others_wrote_anything_then_it_stays_between_its_marks(
    words: str, group: str, hypotheses: list[str], report: bytes
) -> None:
    system, user = told(
        analysis=analysis(pattern("CODE", group)),
        past=tuple(past(n, said, words) for n, said in enumerate(hypotheses)),
        report=report + words.encode("utf-8", "replace"),
        strategy=words,
        symbols=(group, "BTC-USDT"),
    )
    plain, plain_user = told(analysis=analysis(pattern("CODE")), past=(), report=b"")

    assert system == plain
    assert BLOCK.sub("", user.content) == BLOCK.sub("", plain_user.content)
    assert len(BLOCK.findall(user.content)) == 6
    assert all(c in "\n\t" or c.isprintable() or c.isspace() for c in user.content)
    assert size((system, user)) <= MOST_BYTES


@given(st.integers(0, 400), st.integers(0, 40_000), st.integers(1, 400))
def test_prompt_when_there_is_too_much_then_the_oldest_versions_are_left_out(
    count: int, report: int, patterns: int
) -> None:
    messages = told(
        past=tuple(past(n, f"idea {n} " + "é" * 300) for n in range(count)),
        report="ü".encode() * report,
        analysis=analysis(*[pattern(f"CODE{n}") for n in range(patterns)]),
    )

    assert size(messages) <= MOST_BYTES
    kept = [int(n) for n in re.findall(r'"hypothesis": "idea (\d+) ', messages[1].content)]
    assert kept == list(range(count - len(kept), count))
    assert kept or not count
    if len(kept) < count:
        assert f"({count - len(kept)} older left out)" in messages[1].content


def test_prompt_when_the_source_alone_is_too_large_then_it_says_so() -> None:
    with pytest.raises(PromptTooLarge, match="must be at most 60,000"):
        told(text=CHAMPION + "#" * 50_000)


@given(st.lists(st.integers(0, 30_000), max_size=6), WORDS)
def test_repair_when_candidates_are_long_then_those_without_room_are_left_out(
    sizes: list[int], error: str
) -> None:
    broken = [Broken(BROKEN + "#" * n, "{}", f"idea {n}", error) for n in sizes]

    messages = prompting.repair(broken, brief(), PROGRAM, LANGUAGE)

    assert size(messages) <= MOST_BYTES
    assert messages[1].content.endswith("the mended candidates.")


def test_figures_when_told_then_they_are_spelled_exactly() -> None:
    exact = analysis(pattern("CODE"))

    assert 'share": "0.4"' in told(analysis=exact)[1].content
    assert f"net {Decimal('-214.37')}" in told(analysis=exact)[1].content
