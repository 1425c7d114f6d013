"""Commands over a real Unix socket: carried whole, answered after the commit, refused in words."""

import os
import resource
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from api.processes.command_socket import (
    CONNECTIONS,
    LONGEST_LINE,
    CommandServer,
    SocketEngineClient,
    address,
)
from application.engine import Engine, Inbox, Progress
from application.engine_port import EngineUnavailable
from tests.process_fakes import NumberedFeed, RecordingTrader, pause


@contextmanager
def running_engine(path: Path, trader: RecordingTrader) -> Iterator[Engine]:
    inbox, stop = Inbox(), threading.Event()
    engine = Engine(trader, NumberedFeed(10**9), inbox, time.monotonic)
    server = CommandServer(path, inbox, lambda: engine.progress)
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        yield engine
    finally:
        stop.set()
        thread.join(5)
        server.close()


def test_socket_when_a_command_is_sent_then_its_reply_comes_back(tmp_path: Path) -> None:
    trader = RecordingTrader()
    with running_engine(tmp_path / "engine.sock", trader):
        client = SocketEngineClient(tmp_path / "engine.sock")
        reply = client.send(pause())
        progress = client.progress()

    assert reply.accepted
    assert progress.state == "trading"
    assert progress.bars > 0
    assert trader.calls.count("pause vwap") == 1


def test_socket_when_the_path_is_too_long_for_a_socket_then_it_works_all_the_same(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("a" * 120) / ("b" * 120)
    deep.mkdir(parents=True)
    with running_engine(deep / "engine.sock", RecordingTrader()):
        assert SocketEngineClient(deep / "engine.sock").send(pause()).accepted
        assert stat.S_IMODE((deep / "engine.sock").stat().st_mode) == 0o600
    assert not (deep / "engine.sock").exists()


def test_socket_when_no_engine_runs_then_unavailable_names_the_home(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=f"no engine runs on home {tmp_path}"):
        SocketEngineClient(tmp_path / "engine.sock").send(pause())


def test_socket_when_a_dead_engine_left_its_file_then_the_next_one_takes_its_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "engine.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    with pytest.raises(EngineUnavailable):
        SocketEngineClient(path).progress()

    with running_engine(path, RecordingTrader()):
        assert SocketEngineClient(path).send(pause()).accepted


@pytest.mark.parametrize(
    "line",
    [
        *(b"hello", b"{}", b'{"type":"execute"}', b'{"type":"execute","command":{"name":"sell"}}'),
        b'{"type":"\xff"}',
        b'{"type":"progress","more":' + b"[" * 50_000,
    ],
)
def test_socket_when_a_request_is_malformed_then_it_is_refused_and_the_engine_goes_on(
    tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "engine.sock"
    with running_engine(path, RecordingTrader()):
        with socket.socket(socket.AF_UNIX) as raw, address(path) as name:
            raw.connect(name)
            raw.sendall(line + b"\n")
            answer = raw.recv(4096)
        assert b'"BAD_REQUEST"' in answer
        assert SocketEngineClient(path).send(pause()).accepted


def test_socket_when_too_many_connections_say_nothing_then_others_are_told_why(
    tmp_path: Path,
) -> None:
    path = tmp_path / "engine.sock"
    with running_engine(path, RecordingTrader()), ExitStack() as silent:
        for _ in range(CONNECTIONS):
            connect(path, silent)
        with pytest.raises(EngineUnavailable, match=f"{CONNECTIONS} connections .* try again"):
            SocketEngineClient(path).send(pause())
        silent.close()
        assert accepted_soon(path)


def test_socket_when_no_more_files_can_be_opened_then_it_answers_again_once_they_can(
    tmp_path: Path,
) -> None:
    path = tmp_path / "engine.sock"
    with running_engine(path, RecordingTrader()), ExitStack() as waiting:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        client = connect(path, waiting)
        second = waiting.enter_context(socket.socket(socket.AF_UNIX))
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
        try:
            second.connect(str(path))
            time.sleep(0.3)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        client.close()
        assert SocketEngineClient(path).send(pause()).accepted


def accepted_soon(path: Path) -> bool:
    """Whether a command gets through; the server notices that a connection ended when it can."""
    for _ in range(100):
        try:
            return SocketEngineClient(path).send(pause()).accepted
        except EngineUnavailable:
            time.sleep(0.02)
    return False


def connect(path: Path, open_things: ExitStack) -> socket.socket:
    connection = open_things.enter_context(socket.socket(socket.AF_UNIX))
    connection.connect(str(path))
    time.sleep(0.005)
    return connection


def test_socket_when_a_line_never_ends_then_the_connection_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with running_engine(path, RecordingTrader()):
        with socket.socket(socket.AF_UNIX) as raw, address(path) as name:
            raw.connect(name)
            with pytest.raises(ConnectionError):
                send_for_ever(raw)
        assert SocketEngineClient(path).send(pause()).accepted


def test_socket_when_the_commit_is_late_then_the_client_is_told_how_to_ask_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "engine.sock"
    server = CommandServer(path, Inbox(), Progress)  # nobody ever answers
    try:
        with pytest.raises(EngineUnavailable, match="repeat it with --command-id c1"):
            SocketEngineClient(path, timeout=0.2).send(pause())
    finally:
        server.close()


def test_socket_when_many_clients_ask_at_once_then_each_gets_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    replies: list[bool] = []
    with running_engine(path, RecordingTrader()):
        threads = [
            threading.Thread(
                target=lambda n=n: replies.append(
                    SocketEngineClient(path).send(pause(f"c{n}")).accepted
                )
            )
            for n in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    assert replies == [True] * 12


def send_for_ever(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * LONGEST_LINE)
        time.sleep(0.01)


def test_socket_address_when_path_is_short_then_it_is_used_as_it_is(tmp_path: Path) -> None:
    path = Path("/tmp/s")  # noqa: S108
    with address(path) as name:
        assert name == os.fspath(path)
