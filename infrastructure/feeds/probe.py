"""Which venue to trade: the first, in order of preference, that answers in time.

All are asked at once, each in a thread of its own, so that one that hangs costs no more than the
timeout; each that was passed over says why.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from msgspec import Struct

from application.ports import FeedError
from domain.timeframe import MINUTE
from infrastructure.clock import SystemClock
from infrastructure.feeds.venue import PublicVenue, VenueError, perpetual_venue

VENUES = ("binance", "kraken", "coinbase", "kucoin")
TIMEOUT = 5.0  # s


class Refusal(Struct, frozen=True):
    """A venue that was passed over."""

    venue: str
    reason: str


class Probe(Struct, frozen=True):
    """The answer: a connected venue, or none, and the reason for each that was passed over."""

    venue: PublicVenue | None
    refusals: tuple[Refusal, ...]


def probe(
    venues: Sequence[str] = VENUES,
    symbol: str = "BTC/USDT",
    *,
    timeout: float = TIMEOUT,
    base_url: str | None = None,
    connect: Callable[[str, str, float, str | None], PublicVenue] | None = None,
) -> Probe:
    """Ask the venues for `symbol` in parallel, `timeout` seconds in all.

    `base_url` replaces the host of every venue (a proxy).
    """
    ask = connect or connected
    clock = SystemClock()
    deadline = clock.monotonic() + timeout
    answers = {name: _asked(ask, name, symbol, timeout, base_url) for name in venues}
    refusals = []
    chosen: PublicVenue | None = None
    for name, answer in answers.items():
        if chosen is not None:
            answer.add_done_callback(_close)
            continue
        try:
            chosen = answer.result(max(deadline - clock.monotonic(), 0.0))
        except FutureTimeout:
            refusals.append(Refusal(name, f"no answer within {timeout:g} s"))
            answer.add_done_callback(_close)
        except FeedError as error:
            refusals.append(Refusal(name, str(error).removeprefix(f"{name}: ")))
    return Probe(chosen, tuple(refusals))


def connected(name: str, symbol: str, timeout: float, base_url: str | None) -> PublicVenue:
    """Connect to one venue and see that it gives candles of `symbol`. Raises `FeedError`."""
    venue = PublicVenue(perpetual_venue(name, symbol), base_url=base_url, timeout=timeout)
    try:
        venue.connect(symbol)
        recent = SystemClock().now_ms() - 10 * MINUTE
        if not len(venue.candles(symbol, "1m", recent // MINUTE * MINUTE, 10, timeout)):
            raise VenueError(f"{name}: gave no candles of the last ten minutes")
    except FeedError:
        venue.close()
        raise
    return venue


def _asked(
    ask: Callable[[str, str, float, str | None], PublicVenue],
    name: str,
    symbol: str,
    timeout: float,
    base_url: str | None,
) -> "Future[PublicVenue]":
    answer: Future[PublicVenue] = Future()

    def run() -> None:
        try:
            answer.set_result(ask(name, symbol, timeout, base_url))
        except Exception as error:  # the asker decides what to make of it
            answer.set_exception(error)

    threading.Thread(target=run, name=f"probe-{name}", daemon=True).start()
    return answer


def _close(answer: "Future[PublicVenue]") -> None:
    if answer.exception() is None:
        answer.result().close()
