"""The engine's local door: commands in, replies out, one JSON object a line.

A Unix socket inside the home, readable by its owner alone. The server only carries: commands wait
in the engine's inbox and are executed by its one loop; a reply leaves after its commit. A client
that goes away loses its answer, never its command: it asks again with the same command id.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import structlog

from api.processes.wire import Answer, AskProgress, Execute, Failed, Replied, Reported, Request
from application.engine import Inbox, Progress
from application.engine_port import Command, CommandReply, EngineUnavailable

LONGEST_ADDRESS = 100  # bytes; the operating system takes 107 on Linux, 103 elsewhere
LONGEST_LINE = 524_288  # bytes: a strategy file, were each of its bytes written as six
CONNECTIONS = 32
REPLY_SECONDS = 30.0  # the longest a client waits for a durable reply
IDLE_SECONDS = 60.0  # the longest a connection may say nothing
ACCEPT_AGAIN_SECONDS = 0.2  # between tries while this process has no descriptor left


class SocketPathTooLong(OSError):
    """The home's path is too long for a Unix socket, and this system offers no way round."""


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """Give a name for `path` that is short enough for a socket, valid inside the block."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    relative = os.path.relpath(path)
    if len(os.fsencode(relative)) <= LONGEST_ADDRESS:
        yield relative
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = f"/proc/self/fd/{directory}"
        if not Path(short).exists():
            raise SocketPathTooLong(
                f"socket path was {path} ({len(os.fsencode(path))} bytes), must be at most"
                f" {LONGEST_ADDRESS} bytes on this system: choose a shorter --home"
            )
        yield f"{short}/{path.name}"
    finally:
        os.close(directory)


class CommandServer:
    """Serve one engine's inbox and progress at `path` until closed.

    The caller holds the home lock, so a socket file found at `path` is a dead engine's and is
    replaced.
    """

    def __init__(self, path: Path, inbox: Inbox, progress: Callable[[], Progress]) -> None:
        self._path = path
        self._inbox = inbox
        self._progress = progress
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._closing = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        with address(path) as name:
            self._socket.bind(name)
        path.chmod(0o600)
        self._socket.listen(CONNECTIONS)
        self._socket.settimeout(0.2)
        self._thread = threading.Thread(target=self._accept, name="commands", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and remove the socket. May be called twice."""
        self._closing.set()
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError as error:  # no descriptor is free: one will be
                structlog.get_logger("commands").warning("cannot accept", reason=str(error))
                self._closing.wait(ACCEPT_AGAIN_SECONDS)
                continue
            if not self._slots.acquire(blocking=False):
                turn_away(connection)
                continue
            threading.Thread(
                target=self._converse, args=(connection,), name="command", daemon=True
            ).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(IDLE_SECONDS)
                for line in lines(connection):
                    connection.sendall(msgspec.json.encode(self._answer(line)) + b"\n")
        except (OSError, LineTooLong) as error:
            structlog.get_logger("commands").debug("connection ended", reason=str(error))
        finally:
            self._slots.release()

    def _answer(self, line: bytes) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Failed("BAD_REQUEST", str(error))
        if isinstance(request, AskProgress):
            return Reported(self._progress())
        return self._execute(request.command)

    def _execute(self, command: Command) -> Answer:
        correlation = f"command/{command.command_id}"
        with structlog.contextvars.bound_contextvars(correlation_id=correlation):
            try:
                reply = self._inbox.put(command).result(REPLY_SECONDS)
            except EngineUnavailable as error:
                return Failed("ENGINE_UNAVAILABLE", str(error))
            except TimeoutError:
                return Failed("ENGINE_UNAVAILABLE", no_answer_in_time(command))
            except Exception as error:
                structlog.get_logger("commands").exception("command failed")
                return Failed("ENGINE_UNAVAILABLE", f"the engine stopped: {error}")
            structlog.get_logger("commands").info(
                "command executed",
                command=command.name,
                strategy=command.strategy,
                accepted=reply.accepted,
                code=reply.code,
                position=reply.position,
            )
            return Replied(reply)


def turn_away(connection: socket.socket) -> None:
    busy = Failed(
        "ENGINE_UNAVAILABLE", f"{CONNECTIONS} connections are open to the engine already; try again"
    )
    with connection, contextlib.suppress(OSError):
        connection.setblocking(False)
        connection.sendall(msgspec.json.encode(busy) + b"\n")


class LineTooLong(Exception):
    """The other side sent more than `LONGEST_LINE` bytes without an end of line."""


def lines(connection: socket.socket) -> Iterator[bytes]:
    """Lines as they arrive, without their ends, until the other side closes."""
    waiting = b""
    while True:
        end = waiting.find(b"\n")
        if end >= 0:
            yield waiting[:end]
            waiting = waiting[end + 1 :]
            continue
        if len(waiting) > LONGEST_LINE:
            raise LineTooLong(f"line was over {LONGEST_LINE} bytes")
        received = connection.recv(16_384)
        if not received:
            return
        waiting += received


class NoEngine(EngineUnavailable):
    """Nobody listens: what was asked did not happen."""


class SocketEngineClient:
    """Ask the engine of one home, over its socket; safe to use from any thread.

    Each call makes a connection of its own: the engine may be restarted between two of them.
    """

    def __init__(self, path: Path, timeout: float = REPLY_SECONDS + 5) -> None:
        self._path = path
        self._timeout = timeout

    def send(self, command: Command) -> CommandReply:
        """Execute a command and wait for its durable reply. Raises `EngineUnavailable`."""
        answer = self._ask(Execute(command), no_answer_in_time(command))
        if not isinstance(answer, Replied):
            raise EngineUnavailable(f"the engine answered {type(answer).__name__} to a command")
        return answer.reply

    def progress(self) -> Progress:
        """Ask how far the engine is. Raises `EngineUnavailable`."""
        answer = self._ask(AskProgress(), "the engine did not say how far it is")
        if not isinstance(answer, Reported):
            raise EngineUnavailable(f"the engine answered {type(answer).__name__} to a question")
        return answer.progress

    def _ask(self, request: Request, late: str) -> Answer:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._timeout)
            try:
                with address(self._path) as name:
                    connection.connect(name)
            except BlockingIOError as error:  # so many wait already that it listens to no more
                raise EngineUnavailable("the engine is too busy to listen: try again") from error
            except OSError as error:
                raise NoEngine(f"no engine runs on home {self._path.parent}") from error
            try:
                with contextlib.suppress(BrokenPipeError):  # it may have said why and closed
                    connection.sendall(msgspec.json.encode(request) + b"\n")
                line = next(lines(connection), b"")
            except (OSError, LineTooLong) as error:
                raise EngineUnavailable(late) from error
        if not line:
            raise EngineUnavailable(late)
        answer: Answer = msgspec.json.decode(line, type=Answer)
        if isinstance(answer, Failed):
            raise EngineUnavailable(answer.message)
        return answer


def no_answer_in_time(command: Command) -> str:
    return (
        "the engine did not answer in time; the command may still be carried out: repeat it with"
        f" --command-id {command.command_id}"
    )
