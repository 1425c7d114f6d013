"""A venue's public candles and market facts, over ccxt, without keys.

With `market`, the one place that knows ccxt. Whatever goes wrong in there (network, rate limit, an
answer that is no candle list) comes out as `VenueError`; a row that is no candle is left out, never
repaired.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

import ccxt
import numpy as np
import structlog

from application.ports import BAR, Bars, FeedError
from domain.instrument import Instrument
from domain.timeframe import milliseconds
from infrastructure.candles.rows import COLUMNS, first_fault
from infrastructure.feeds.venue_market import instrument_of
from infrastructure.symbols import is_perpetual, stored_symbol, unknown_symbol, venue_symbol
from infrastructure.venue_table import futures_of

log = structlog.get_logger(__name__)

_PAGES = {"binance": 1000, "binanceusdm": 1000, "kraken": 720, "coinbase": 300, "kucoin": 1500}
CLOCK_TIMEOUT = 2.0  # s: a slow answer says little about the time
_PAGE = 300  # rows that any other venue gives at once


class VenueError(FeedError):
    """The venue did not answer as it should; trying again may help."""


class VenueBusy(VenueError):
    """The venue asks for fewer requests."""


class CandleVenue(Protocol):
    """What a live feed needs of a venue. Every method may raise `VenueError`."""

    name: str
    page: int  # candles it gives at once

    def instrument(self, symbol: str) -> Instrument: ...

    def time(self) -> int | None:
        """The venue's clock, ms UTC, None where it shows none."""

    def candles(self, symbol: str, timeframe: str, since: int, limit: int, timeout: float) -> Bars:
        """Candles with open time ≥ since, oldest first; the last may still be open."""

    def close(self) -> None: ...


class PublicVenue:
    """One ccxt venue; connected once `connect` returned."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        timeout: float = 10.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Choose a venue by its ccxt name.

        `base_url` (http://host:port) replaces the host of every endpoint, for a proxy; `timeout` is
        in seconds; `options` are passed to ccxt. Raises `FeedError`.
        """
        if name not in ccxt.exchanges:
            raise FeedError(f"venue was {name!r}, must be one that ccxt {ccxt.__version__} knows")
        self.name = name
        self.page = _PAGES.get(name, _PAGE)
        self._timeout = timeout
        self._client: Any = getattr(ccxt, name)(
            {
                "enableRateLimit": True,
                "timeout": int(timeout * 1000),
                "requests_trust_env": True,
                "options": {"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}}
                if name in ("binance", "kucoin")
                else {},
                **(options or {}),
            }
        )
        self._client.enableLastJsonResponse = True
        self._client.has["fetchCurrencies"] = False  # one request less: candles need no currencies
        if base_url is not None:
            self._client.urls["api"] = _rebased(self._client.urls["api"], _checked(base_url))

    def connect(self, symbol: str) -> None:
        """Load what the venue says about `symbol`. Raises `VenueError`, `UnknownSymbol`."""
        written = venue_symbol(symbol)
        base_quote = written.split(":", maxsplit=1)[0].replace("/", "")
        # Binance lists thousands of symbols in megabytes; asked for one, it answers at once.
        only = {"symbol": base_quote} if self.name == "binance" else {}
        try:
            self._call(lambda: self._client.load_markets(True, only))
        except VenueError:
            if not only:
                raise
            self._call(lambda: self._client.load_markets(True))
        if written not in self._client.markets:
            if only:
                self._call(lambda: self._client.load_markets(True))
            raise unknown_symbol(written, self.name, list(self._client.markets))

    def instrument(self, symbol: str) -> Instrument:
        """Say how the symbol trades here: grid and smallest order as the venue states them.

        Raises `FeedError`, `VenueError`.
        """
        written = venue_symbol(symbol)
        market, mode = self._client.markets[written], self._client.precisionMode
        last = None
        if mode == ccxt.SIGNIFICANT_DIGITS:
            last = self._call(lambda: self._client.fetch_ticker(written)["last"])
        return instrument_of(self.name, stored_symbol(symbol), market, mode, last)

    def time(self) -> int | None:
        """Give the venue's clock, ms UTC, None where it shows none. Raises `VenueError`."""
        if not self._client.has["fetchTime"]:
            return None
        self._client.timeout = int(min(CLOCK_TIMEOUT, self._timeout) * 1000)
        answer = self._call(self._client.fetch_time)
        if not isinstance(answer, int):
            raise VenueError(f"{self.name}: time was {answer!r}, must be ms")
        return answer

    def candles(self, symbol: str, timeframe: str, since: int, limit: int, timeout: float) -> Bars:
        """Give candles with open time ≥ since, oldest first, waiting at most `timeout` seconds.

        The last one may still be open. Rows that are no candles are left out and logged.
        """
        self._client.timeout = int(min(timeout, self._timeout) * 1000)
        written = venue_symbol(symbol)
        rows = self._call(lambda: self._client.fetch_ohlcv(written, timeframe, since, limit))
        if not rows and not holds_empty_list(self._client.last_json_response):
            # ccxt makes no candles of an answer it cannot read; taken for a hole in the market,
            # it would lose a page of history
            raise VenueError(f"{self.name}: the answer holds no candle list")
        return clean(rows, milliseconds(timeframe), since, self.name)

    def close(self) -> None:
        """Drop the connections. May be called twice."""
        self._client.close()

    def _call(self, request: Any) -> Any:
        try:
            return request()
        except (ccxt.RateLimitExceeded, ccxt.DDoSProtection) as error:
            raise VenueBusy(self._reason(error)) from error
        except Exception as error:  # ccxt lets KeyError and friends through on answers it misreads
            raise VenueError(self._reason(error)) from error

    def _reason(self, error: Exception) -> str:
        text = (str(error).strip().splitlines() or [""])[0]
        text = re.sub(r"https?://([^/\s]+)\S*", r"\1", text.removeprefix(self.name).strip())
        return f"{self.name}: {type(error).__name__}: {text[:160]}"


def clean(rows: Any, length: int, since: int, where: str) -> Bars:
    """Keep the rows that are candles opened at `since` or later, in order. Raises `VenueError`."""
    if not isinstance(rows, list):
        raise VenueError(f"{where}: candles were {type(rows).__name__}, must be a list")
    kept: list[tuple[float, ...]] = []
    previous: int | None = None
    dropped = 0
    for row in rows:
        try:
            values = (int(row[0]), *(float(value) for value in row[1:6]))
            columns = {n: np.array([v]) for n, v in zip(COLUMNS, values, strict=True)}
        except (TypeError, ValueError, IndexError, OverflowError):
            dropped += 1
            continue
        if values[0] < since:
            continue
        if first_fault(columns, length, previous) is not None:
            dropped += 1
            continue
        previous = int(values[0])
        kept.append((*values, 0.0))
    if dropped:
        log.warning("venue_rows_refused", venue=where, rows=dropped, since=since)
    return np.array(kept, BAR)


def holds_empty_list(answer: Any) -> bool:
    """Tell whether a decoded JSON answer has an empty list in it: nothing, said on purpose."""
    if isinstance(answer, list):
        return not answer or any(map(holds_empty_list, answer))
    return isinstance(answer, dict) and any(map(holds_empty_list, answer.values()))


def perpetual_venue(name: str, symbol: str) -> str:
    """Name the ccxt venue that lists the symbol: most houses keep perpetuals apart."""
    if not is_perpetual(stored_symbol(symbol)):
        return name
    profile = futures_of(name)
    return name if profile is None else profile.name


def _checked(url: str) -> str:
    if not re.match(r"^https?://[^/]+", url):
        raise FeedError(f"venue url was {url!r}, must be like http://host:port")
    return url.rstrip("/")


def _rebased(urls: Any, base: str) -> Any:
    if isinstance(urls, dict):
        return {key: _rebased(value, base) for key, value in urls.items()}
    if isinstance(urls, str):
        return re.sub(r"^https?://[^/]+", base, urls)
    return urls
