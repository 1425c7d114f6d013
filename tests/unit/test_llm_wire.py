"""Whatever bytes a server sent, reading them gives a completion; what broke off is never whole."""

from hypothesis import given
from hypothesis import strategies as st

from infrastructure.llm.wire import read
from tests.llm_server import streamed, whole

USAGE = {"prompt_tokens": 12, "completion_tokens": 5}


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda b: b"data: " + b))
def test_read_when_bytes_are_anything_then_it_does_not_raise(raw: bytes) -> None:
    completion = read(raw)

    assert not completion.text or completion.whole or not completion.error


@given(
    st.text(max_size=80),
    st.sampled_from(["choices", "message", "delta", "content", "usage", "error"]),
    st.binary(max_size=20),
)
def test_read_when_a_known_key_holds_anything_then_it_does_not_raise(
    text: str, key: str, junk: bytes
) -> None:
    body = whole({"role": "assistant", "content": text}, "stop", USAGE)
    spoiled = body.replace(f'"{key}": '.encode(), f'"{key}": {len(junk)}, "x": '.encode())

    assert read(spoiled).usage in (None, (12, 5))


@given(st.text(max_size=100))
def test_read_when_an_answer_is_streamed_or_whole_then_it_says_the_same(text: str) -> None:
    kept = text.encode("utf-8", "replace").decode()

    one = read(streamed(kept, "stop", USAGE))
    other = read(whole({"role": "assistant", "content": kept}, "stop", USAGE))

    assert one == other
    assert (one.text, one.whole, one.usage) == (kept, True, (12, 5))


@given(st.text(min_size=1, max_size=60), st.data())
def test_read_when_a_stream_breaks_off_before_its_end_then_it_is_not_whole(
    text: str, data: st.DataObject
) -> None:
    kept = text.encode("utf-8", "replace").decode()
    body = streamed(kept, "stop", USAGE)
    end = body.index(b"finish_reason")
    broken = read(body[: data.draw(st.integers(0, end))])

    assert not broken.whole
    assert kept.startswith(broken.text)


def test_read_when_counts_are_no_counts_then_there_are_none() -> None:
    for counts in ({"prompt_tokens": -1}, {"prompt_tokens": 1e300}, {"prompt_tokens": True}, {}):
        body = whole({"content": "x"}, "stop", {"completion_tokens": 5, **counts})
        assert read(body).usage is None


def test_read_when_lines_end_in_other_ways_then_it_reads_the_same() -> None:
    body = streamed("hello", "stop", USAGE)

    assert read(body.replace(b"\n", b"\r\n")) == read(body)
    assert read(b": a comment\n\n" + body) == read(body)
    assert read(body.replace(b"data: ", b"data:")) == read(body)
