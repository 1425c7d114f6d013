"""Work that takes its time while trading goes on, in a thread that no ending process waits for."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def aside(name: str, work: Callable[[], Result]) -> "Future[Result]":
    """Begin with some work; the future holds what it gives, or raises what it raised."""
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # raised where it is collected
            done.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return done
