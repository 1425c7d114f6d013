"""A small language-model server on loopback that speaks the chat completions protocol.

For tests of whatever asks a model: real HTTP, the real openai client, no network. What it answers
is scripted, one behaviour a request, misbehaviour of every kind among them; or it replays recorded
exchanges, byte for byte; or it passes requests on to a real server and records what came.
"""

import json
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, NamedTuple

MODEL = "scripted-1"
STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"
PATIENCE = 30.0  # s that a hanging answer hangs at most: tests end it sooner
PIECE = 12  # characters in a chunk of a stream


class Sent(NamedTuple):
    """What one request gets."""

    body: bytes
    status: int = 200
    kind: str = STREAM
    headers: tuple[tuple[str, str], ...] = ()
    promised: int | None = None  # bytes announced, more than are sent: the connection breaks
    drip: float = 0.0  # s between its bytes, one at a time
    hangs: bool = False  # nothing comes, not even a status
    stalls: bool = False  # nothing comes after the body


class Exchange(NamedTuple):
    """One request and what it got."""

    request: bytes
    status: int
    kind: str
    response: bytes


Behaviour = Callable[[dict[str, Any]], Sent]


def says(text: str, *, usage: bool = True, finish: str = "stop") -> Behaviour:
    """Answer well, streamed if the request asks for it."""

    def answer(request: dict[str, Any]) -> Sent:
        counts = counted(request, text) if usage else None
        if not request.get("stream"):
            return Sent(whole({"role": "assistant", "content": text}, finish, counts), kind=JSON)
        return Sent(streamed(text, finish, counts))

    return answer


def says_whole(text: str) -> Behaviour:
    """Answer in one piece, though a stream was asked for."""
    return lambda request: says(text)({**request, "stream": False})


def declines(words: str) -> Behaviour:
    """Refuse to answer, as models do."""
    message = {"role": "assistant", "content": None, "refusal": words}
    return lambda request: Sent(whole(message, "stop", counted(request, words)), kind=JSON)


def calls_a_tool() -> Behaviour:
    """Answer without words, by a tool that nobody offered."""
    tool = {"id": "1", "type": "function", "function": {"name": "set_limits", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [tool]}
    return lambda request: Sent(whole(message, "tool_calls", counted(request, "")), kind=JSON)


def breaks_off(text: str, *, promised: bool = False) -> Behaviour:
    """Stream half of a text, then no more: an early end, or a broken connection."""

    def answer(request: dict[str, Any]) -> Sent:
        body = streamed(text, "stop", None)
        half = body[: len(body) // 2]
        return Sent(half, promised=len(body) if promised else None)

    return answer


def hangs() -> Behaviour:
    """Take the request and say nothing."""
    return lambda request: Sent(b"", hangs=True)


def stalls(text: str) -> Behaviour:
    """Stream a text's beginning, then hang with the connection open."""
    return lambda request: Sent(streamed(text, "", None)[:200], stalls=True)


def drips(text: str, seconds: float) -> Behaviour:
    """Stream a byte at a time, `seconds` apart."""
    return lambda request: Sent(streamed(text, "stop", None), drip=seconds)


def status(code: int, message: str = "no", *headers: tuple[str, str]) -> Behaviour:
    """Answer with a status and an error body."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()
    return lambda request: Sent(body, status=code, kind=JSON, headers=headers)


def sends(body: bytes, kind: str = JSON, *headers: tuple[str, str]) -> Behaviour:
    """Send bytes as they are."""
    return lambda request: Sent(body, kind=kind, headers=headers)


def knows_only(taken: Iterable[str], text: str) -> Behaviour:
    """Turn down, with 400, any part of a request that is not `taken`; else answer."""
    known = {*taken, "model", "messages", "stream"}

    def answer(request: dict[str, Any]) -> Sent:
        form = request.get("response_format", {}).get("type")
        for part in request:
            if part not in known and f"{part}:{form}" not in known:
                return status(400, f"Unsupported parameter: '{part}'.")(request)
        return says(text)(request)

    return answer


def whole(message: dict[str, Any], finish: str, usage: dict[str, int] | None) -> bytes:
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    return json.dumps(body if usage is None else {**body, "usage": usage}).encode()


def streamed(text: str, finish: str, usage: dict[str, int] | None) -> bytes:
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    choices: list[list[dict[str, Any]]] = [[{"index": 0, "delta": {"role": "assistant"}}]]
    choices += [[{"index": 0, "delta": {"content": piece}}] for piece in pieces]
    if finish:
        choices.append([{"index": 0, "delta": {}, "finish_reason": finish}])
    chunks = [{**CHUNK, "choices": each} for each in choices]
    if usage is not None:
        chunks.append({**CHUNK, "choices": [], "usage": usage})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n" if finish else ""]).encode()


CHUNK: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_700_000_000,
    "model": MODEL,
}


def counted(request: dict[str, Any], text: str) -> dict[str, int]:
    prompt = sum(len(str(m["content"])) for m in request["messages"]) // 4 + 1
    answer = len(text) // 4 + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
    }


class LlmServer:
    """Serve scripted behaviours, recorded exchanges, or another server. A context manager."""

    def __init__(
        self,
        *script: Behaviour,
        exchanges: Iterable[Exchange] = (),
        upstream: str | None = None,
    ) -> None:
        self.script = deque(script)
        self.recorded = {exchange.request: exchange for exchange in exchanges}
        self.upstream = upstream
        self.requests: list[bytes] = []  # bodies, as they came
        self.headers: list[dict[str, str]] = []  # of each request, lower-case names
        self.exchanges: list[Exchange] = []  # that were had
        self._ending = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "LlmServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, body: bytes, headers: dict[str, str]) -> Sent:
        """Answer one request."""
        if path != "/v1/chat/completions":
            return status(404, f"no such path: {path}")({})
        if self.upstream is not None:
            return passed_on(self.upstream, body, headers)
        if self.recorded:
            had = self.recorded.get(body)
            if had is None:
                return status(409, "this request was never recorded")({})
            return Sent(had.response, status=had.status, kind=had.kind)
        if not self.script:
            return status(501, "nothing more is scripted")({})
        return self.script.popleft()(json.loads(body))

    def _write(self, sent: Sent, wire: BinaryIO) -> None:
        pieces = [sent.body]
        if sent.drip:
            pieces = [sent.body[at : at + 1] for at in range(len(sent.body))]
        for piece in pieces:
            wire.write(piece)
            if sent.drip and self._ending.wait(sent.drip):
                return
        if sent.stalls:
            self._ending.wait(PATIENCE)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        llm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                llm.requests.append(body)
                llm.headers.append(headers)
                sent = llm.answer(self.path, body, headers)
                llm.exchanges.append(Exchange(body, sent.status, sent.kind, sent.body))
                self.close_connection = True
                if sent.hangs:
                    llm._ending.wait(PATIENCE)
                    return
                try:
                    self._head(sent)
                    llm._write(sent, self.wfile)
                except (BrokenPipeError, ConnectionResetError):
                    return  # the client gave up waiting: what a test wants

            def _head(self, sent: Sent) -> None:
                self.send_response(sent.status)
                self.send_header("Content-Type", sent.kind)
                self.send_header("Connection", "close")
                if sent.promised is not None:
                    self.send_header("Content-Length", str(sent.promised))
                for name, value in sent.headers:
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def passed_on(upstream: str, body: bytes, headers: dict[str, str]) -> Sent:
    """Ask a real server, with the key that the request came with."""
    kept = {"Content-Type": JSON, "Authorization": headers.get("authorization", "")}
    request = urllib.request.Request(f"{upstream}/chat/completions", body, kept)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=300) as response:  # noqa: S310
            return Sent(response.read(), response.status, response.headers["Content-Type"])
    except urllib.error.HTTPError as error:
        return Sent(error.read(), error.code, error.headers.get("Content-Type", JSON))
