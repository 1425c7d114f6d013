"""The HTTP client under the openai client, which lets through only what was meant to pass.

Requests carry the headers that are needed and the key that was given: nothing that the environment
says to openai's own variables reaches the server. No redirect is followed, no packed answer is
unpacked, and of a status that is no answer no more than a few kilobytes are read.
"""

import email.utils
import math
from datetime import UTC, datetime

import httpx2
import openai

MOST_ERROR_BYTES = 4_096  # of what comes with a status that is no answer
HEADERS = frozenset(
    (
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
        "x-stainless-raw-response",  # by which the client knows that bytes were asked for
    )
)


class NoAnswer(openai.OpenAIError):
    """A status that is no answer. (The client lets its own kind of error pass as it is.)"""

    def __init__(self, status: int, wait: str | None, body: bytes) -> None:
        super().__init__(f"status {status}")
        self.status = status  # 0: the answer may not be read
        self.wait = wait  # Retry-After, as it came
        self.body = body  # the beginning of it


def http_client(key: str, timeout: float) -> httpx2.AsyncClient:
    """Make a client that sends `key` and waits at most `timeout` (s) for a byte."""

    async def strip(request: httpx2.Request) -> None:
        for name in list(request.headers):
            if name.lower() not in HEADERS:
                del request.headers[name]
        if key:
            request.headers["Authorization"] = f"Bearer {key}"

    return openai.DefaultAsyncHttpxClient(
        timeout=timeout,
        follow_redirects=False,
        event_hooks={"request": [strip], "response": [refuse]},
    )


async def refuse(response: httpx2.Response) -> None:
    """Stop at a status that is no answer, and at an answer whose size cannot be told."""
    if response.is_success:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise NoAnswer(0, None, b"the answer is packed, though it was asked for plain")
        return
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece[: MOST_ERROR_BYTES - len(body)]
        if len(body) == MOST_ERROR_BYTES:
            break
    raise NoAnswer(response.status_code, response.headers.get("retry-after"), bytes(body))


def waiting(header: str | None, now: int) -> float:
    """Read a Retry-After at `now` (ms UTC), seconds or a date: seconds, 0 where it says nothing."""
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(header)
        except (ValueError, OverflowError):  # a year, or a zone, that is none
            return 0.0
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (aware - datetime.fromtimestamp(now / 1000, UTC)).total_seconds()
    return 0.0 if math.isnan(seconds) else max(seconds, 0.0)
