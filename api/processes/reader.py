"""The reader process: the projections that follow the log, and the API over them.

It owns nothing: whatever it shows can be built again from the log, so it may be killed, restarted
or left out at any time. Mutations are passed to the engine over its socket; where none runs they
are answered ENGINE_UNAVAILABLE.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from os import getpid

import msgspec
import structlog
import uvicorn

from api.errors import FAILED, explain
from api.home_log import read_log
from api.http import create_app
from api.processes.child import Reports, stop_on_signals, stop_when_orphaned
from api.processes.command_socket import SocketEngineClient
from api.processes.home import Home
from api.processes.wire import Broken, Serving
from infrastructure.logging import configure_from
from infrastructure.settings import DEFAULT_PORT, Settings
from projections.queries import Queries
from projections.start import open_runner

HOST = "127.0.0.1"
PORTS_TRIED = 100
WATCH_SECONDS = 0.2


class PortTaken(OSError):
    """Nothing can listen where it was asked to."""


def run(home: Home, settings: Settings, port: int | None) -> int:
    """Project and serve under a supervisor until stopped; return the exit status."""
    stop = stop_on_signals()
    stop_when_orphaned(stop)
    reports = Reports()
    try:
        configure_from(settings, "reader", home.logs / "reader.log")
        serve(home, settings, port, reports.send, stop)
    except Exception as error:
        message = explain(error)
        structlog.get_logger("reader").error("reader stopped", reason=message)
        reports.send(Broken(message))
        return FAILED
    return 0


def serve(
    home: Home,
    settings: Settings,
    port: int | None,
    say: Callable[[Serving], None],
    stop: threading.Event,
) -> None:
    """Project and serve until `stop` is set; `say` is told the address once it answers.

    Raises `HomeUnused`, `PortTaken` and whatever ends the projections.
    """
    with ExitStack() as open_things:
        log = read_log(home)
        open_things.callback(log.close)
        runner = open_runner(log, home.views)
        open_things.callback(runner.engine.dispose)
        queries = Queries(home.views, log)
        open_things.callback(queries.close)
        listening = open_things.enter_context(listen(port if port is not None else settings.port))
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(queries, SocketEngineClient(home.socket)),
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=3,
            )
        )
        projecting = Worker("projections", lambda: runner.follow(stop))
        answering = Worker("api", lambda: server.run(sockets=[listening]))
        workers = (projecting, answering)
        for worker in workers:
            worker.start()
        wait_until(lambda: server.started, workers)
        address = announced(home, listening.getsockname()[1])
        structlog.get_logger("reader").info("serving", url=address.url)
        say(address)
        while not stop.wait(WATCH_SECONDS):
            for worker in workers:
                worker.check()
        server.should_exit = True
        for worker in workers:
            worker.join(10)
            worker.check_failure()


def announced(home: Home, port: int) -> Serving:
    """Leave the address in the home for other programs to find."""
    message = Serving(pid=getpid(), port=port, url=f"http://{HOST}:{port}")
    fresh = home.reader.with_suffix(".tmp")
    fresh.write_bytes(msgspec.json.encode(message))
    fresh.replace(home.reader)
    return message


def listen(port: int | None) -> socket.socket:
    """Listen on `port` (0: any free one), or without one on the first free from the default on.

    Raises `PortTaken`.
    """
    ports = range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED) if port is None else (port,)
    for candidate in ports:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, candidate))
            listening.listen(128)
        except OSError:
            listening.close()
            continue
        return listening
    tried = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}–{ports[-1]}"
    raise PortTaken(f"port was {tried}, which is in use or not allowed: choose another with --port")


class Worker:
    """A thread whose failure is the process's failure."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def check(self) -> None:
        """Raise what ended the thread, if it has ended."""
        if not self._thread.is_alive():
            self.check_failure()
            raise WorkerStopped(f"{self._name} stopped by itself")

    def check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self._failure = error


class WorkerStopped(RuntimeError):
    """A thread that should run as long as the process has ended without an error."""


def wait_until(ready: Callable[[], bool], workers: tuple[Worker, ...]) -> None:
    while not ready():
        for worker in workers:
            worker.check()
        time.sleep(0.01)
