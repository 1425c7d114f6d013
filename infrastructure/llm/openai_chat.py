"""One model on one server that speaks the chat completions protocol, over the openai client.

The one place that knows openai. A question ends by its deadline, whatever trickles in; no more is
read than the longest answer takes; what fails is tried twice more at most, each attempt counted.
The key is in no reply, no log line and no repr, even where a server repeats it.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import httpx2
import openai
from msgspec.structs import replace

from application import llm_port as port
from application.llm_port import Message, Reply, Schema
from infrastructure.clock import SystemClock
from infrastructure.llm import wire
from infrastructure.llm.blotter import Blotter
from infrastructure.llm.course import Course, Question
from infrastructure.llm.form import TURNED_DOWN, Form, request, simpler
from infrastructure.llm.guarded import NoAnswer, http_client, waiting
from infrastructure.llm.verdict import judged, outcome_of

MOST_BYTES = 262_144  # of an answer's text
ENVELOPE = 400  # bytes around each token of a stream
LONGEST_WAIT = 30.0  # s: a server that asks for more is not asked again
MOST_DETAIL = 400  # characters
BYTES_A_TOKEN = 2  # where the server does not count: text has three or four, so this is high
NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
    httpx2.ProxyError,
)
UNSAID = "words that spell a secret, which are not kept"
GLANCE = 0.1  # s between two looks whether it is to be given up


class Clock(Protocol):
    def now_ms(self) -> int: ...

    def monotonic(self) -> float: ...


class OpenAiChat:
    """A chat model behind a base URL. Never to be asked from a thread that runs an event loop."""

    def __init__(
        self,
        *,
        url: str,
        model: str,
        key: str = "",
        timeout: float = 120.0,
        secrets: Sequence[str] = (),
        clock: Clock | None = None,
        pause: float = 1.0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`timeout` (s) is for the whole question, `pause` (s) doubles from retry to retry;
        `secrets` are never sent in a message nor kept from an answer, the key among them; once
        `stopped` says so a question is given up, and none is asked."""
        self.url = url
        self.model = model
        self.timeout = timeout
        self.pause = pause
        self._key = key
        self._secrets = Blotter((key, *secrets))
        self._stopped = stopped
        self._clock = clock or SystemClock()
        self._form = Form()

    def __repr__(self) -> str:
        return f"OpenAiChat(url={self.url!r}, model={self.model!r})"

    @property
    def name(self) -> str:
        return self.model

    def now(self) -> int:
        return self._clock.now_ms()

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: Schema | None,
        temperature: float,
        seed: int | None,
        max_tokens: int,
    ) -> Reply:
        """Ask, and wait at most `timeout` seconds."""
        question = Question(
            messages=messages,
            schema=schema,
            temperature=temperature,
            seed=seed,
            max_tokens=max_tokens,
        )
        course = Course(notes=[], raw=bytearray())
        called_at, began = self._clock.now_ms(), time.monotonic()
        if any(self._secrets.held_by(message.content) for message in messages):
            said: tuple[str, str] = port.SECRET, "a message holds a secret: it was not sent"
        elif self._stopped():
            said = port.STOPPED, "told to stop: it was not sent"
        else:
            said = self._run(question, course)
        code, text = said
        notes = [text, *course.notes] if code else course.notes
        raw = b"" if self._spells(bytes(course.raw)) else bytes(course.raw)
        if course.raw and not raw:
            notes.append("the response is not kept: it spells a secret")
        if course.estimated:
            notes.append("tokens estimated: the server told none")
        return Reply(
            outcome=outcome_of(code, course.answered),
            code=code,
            detail=self._clean("; ".join(notes))[:MOST_DETAIL],
            text="" if code else self._secrets.blotted(text),
            raw=self._secrets.blotted_bytes(raw),
            model=self.model,
            temperature=temperature,
            seed=seed if self._form.seed else None,
            prompt_tokens=course.prompt_tokens,
            completion_tokens=course.completion_tokens,
            latency_ms=round((time.monotonic() - began) * 1000),
            called_at=called_at,
        )

    def _run(self, question: Question, course: Course) -> tuple[str, str]:
        # A loop of its own, closed without waiting for threads: one that looks up a name
        # cannot be stopped, and must not hold the deadline.
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(self._within(question, course))
        except Exception as error:  # whatever a library could not take is no reason to stop
            self._count_pending(question, course)
            return port.SERVER_ERROR, f"the question went wrong ({type(error).__name__})"
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _within(self, question: Question, course: Course) -> tuple[str, str]:
        try:
            opened = self._client()
        except (httpx2.InvalidURL, ValueError) as error:  # of the server, or of a proxy
            return port.UNREACHABLE, f"{self.url} cannot be asked ({type(error).__name__})"
        try:
            async with asyncio.timeout(self.timeout), opened as client:
                return await self._unless_stopped(client, question, course)
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            self._count_pending(question, course)
            return port.TIMEOUT, f"no whole answer within {self.timeout:g} s"

    async def _unless_stopped(
        self, client: openai.AsyncOpenAI, question: Question, course: Course
    ) -> tuple[str, str]:
        asking = asyncio.ensure_future(self._converse(client, question, course))
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=GLANCE)
                if self._stopped() and not asking.done():
                    self._count_pending(question, course)
                    return port.STOPPED, "told to stop before the answer came"
            return asking.result()
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    def _client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            api_key=self._key or "none",  # it needs some; what is sent is the HTTP client's to say
            base_url=self.url,
            timeout=self.timeout,
            max_retries=0,
            default_headers={"Accept-Encoding": "identity"},
            http_client=http_client(self._key, self.timeout),
        )

    async def _converse(
        self, client: openai.AsyncOpenAI, question: Question, course: Course
    ) -> tuple[str, str]:
        clock = asyncio.get_running_loop().time
        deadline, tries = clock() + self.timeout, 0
        while True:
            code, text, wait = await self._attempt(client, question, course)
            if code == "again":
                course.notes.append(text)
                continue
            if wait is None or tries == port.ATTEMPTS - 1:
                return code, text
            pause = max(wait, self.pause * 2**tries)
            if wait > LONGEST_WAIT or clock() + pause > deadline:
                return code, f"{text}; not tried again: that would be after {pause:g} s"
            tries += 1
            course.notes.append(f"{text}; tried again after {pause:g} s")
            await asyncio.sleep(pause)

    async def _attempt(
        self, client: openai.AsyncOpenAI, question: Question, course: Course
    ) -> tuple[str, str, float | None]:
        """Ask once: code, words, and how long to wait (s) before it may be tried again."""
        course.raw.clear()
        course.pending, course.answered = True, False
        try:
            whole = await self._receive(client, question, course.raw)
        except NoAnswer as refusal:
            course.raw += refusal.body
            return self._turned_down(question, course, refusal)
        except (openai.APITimeoutError, httpx2.TimeoutException):
            raise
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, NEVER_SENT):
                course.pending = False
                kind = type(cause).__name__
                return port.UNREACHABLE, f"no connection to {self.url} ({kind})", 0.0
            self._count_pending(question, course)
            return port.TRUNCATED, f"the connection broke after {len(course.raw)} bytes", None
        completion = self._read(course)
        self._count(question, course, completion)
        course.answered = True
        if not whole or completion.size > MOST_BYTES:
            return port.TOO_LARGE, f"the answer has more than {MOST_BYTES:,} bytes", None
        code, text = judged(completion)
        return code, text, None

    async def _receive(
        self, client: openai.AsyncOpenAI, question: Question, raw: bytearray
    ) -> bool:
        """Collect an answer's bytes; False where there are more than may be."""
        q, most = question, MOST_BYTES + ENVELOPE * question.max_tokens
        body = request(
            self._form, self.model, q.messages, q.schema, q.temperature, q.seed, q.max_tokens
        )
        asking = client.chat.completions.with_streaming_response.create(**body)
        async with asking as response:
            async for piece in response.iter_bytes():
                raw += piece[: most - len(raw)]
                if len(raw) == most:
                    return False
        return True

    def _turned_down(
        self, question: Question, course: Course, refusal: NoAnswer
    ) -> tuple[str, str, float | None]:
        course.pending = False
        status = refusal.status
        complaint = self._secrets.blotted(refusal.body.decode("utf-8", "replace"))
        if self._spells(refusal.body):
            complaint = UNSAID
        said = f"status {status}: {complaint[:160]}" if status else complaint
        if not status:  # an answer, which may not be read
            self._count(question, course, wire.Completion())
        if status == 429:
            return port.RATE_LIMITED, said, waiting(refusal.wait, self.now())
        if status >= 500:
            self._count(question, course, wire.Completion())
            return port.SERVER_ERROR, said, waiting(refusal.wait, self.now())
        if status in TURNED_DOWN:
            step = simpler(self._form, complaint, question.schema is not None)
            if step is not None:
                self._form, words = step
                return "again", f"{said}; asked again {words}", None
        return port.REFUSED, said, None

    def _count(self, question: Question, course: Course, completion: wire.Completion) -> None:
        """Add one attempt's tokens, as the server counts them, else more than it could."""
        course.pending = False
        if completion.usage is not None:
            course.prompt_tokens += completion.usage[0]
            course.completion_tokens += completion.usage[1]
            return
        course.prompt_tokens += math.ceil(question.size / BYTES_A_TOKEN)
        course.completion_tokens += math.ceil(completion.size / BYTES_A_TOKEN)
        course.estimated = True

    def _count_pending(self, question: Question, course: Course) -> None:
        """Count an attempt that ended before its answer did, if one was under way.

        Where the server has not said, all that it was allowed to write may have been thought.
        """
        if course.pending:
            begun = self._read(course)
            self._count(question, course, begun)
            if begun.usage is None:
                estimate = math.ceil(begun.size / BYTES_A_TOKEN)
                course.completion_tokens += max(question.max_tokens - estimate, 0)

    def _read(self, course: Course) -> wire.Completion:
        completion = wire.read(self._secrets.blotted_bytes(bytes(course.raw)))
        if completion.error and self._spells(bytes(course.raw)):
            return replace(completion, error=UNSAID)
        return completion

    def _spells(self, raw: bytes) -> bool:
        """Whether a secret can be put together from bytes that were blotted."""
        return self._secrets.held_by(wire.said(self._secrets.blotted_bytes(raw)))

    def _clean(self, text: str) -> str:
        blotted = self._secrets.blotted(text)
        printable = "".join(c if c.isprintable() else " " for c in blotted)
        return " ".join(printable.split())
