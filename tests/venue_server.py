"""A small venue on loopback that speaks Binance spot's public REST protocol.

For tests of whatever talks to a venue: real HTTP, real ccxt, no network. It serves given bars by
its own clock: a bar's candle exists from its open on, unfinished until its close, and can be told
to come late or never. Faults are queued and met by the next requests, one each.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np

MINUTE = 60_000


class Fault(NamedTuple):
    """What one request gets instead of its answer."""

    status: int = 200
    body: bytes = b""
    delay: float = 0.0  # s before it


class VenueServer:
    """Serve `bars` (dtype BAR, one minute) as BTCUSDT. Use as a context manager.

    `markets` takes the bars of further coins, by name; `missing` what of theirs never appears.
    """

    def __init__(self, bars: Any, clock: Callable[[], int] | None = None) -> None:
        self.markets = {"BTC": bars}
        self.missing: dict[str, set[int]] = {}  # by coin, open times
        self.clock = clock or (lambda: time.time_ns() // 1_000_000)
        self.faults: deque[Fault] = deque()  # for candle requests
        self.broken: Fault | None = None  # for every request, as long as it is set
        self.late: dict[int, int] = {}  # open time -> ms after its close when the candle appears
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "VenueServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """Answer one request as Binance does."""
        if path == "/api/v3/time":
            return 200, {"serverTime": self.clock()}
        if path == "/api/v3/exchangeInfo":
            asked = [
                coin for coin in self.markets if query.get("symbol", f"{coin}USDT") == f"{coin}USDT"
            ]
            if not asked:
                return 400, {"code": -1121, "msg": "Invalid symbol."}
            symbols = [{**SYMBOL, "symbol": f"{coin}USDT", "baseAsset": coin} for coin in asked]
            return 200, {"timezone": "UTC", "serverTime": self.clock(), "symbols": symbols}
        if path == "/api/v3/klines":
            coin = query.get("symbol", "").removesuffix("USDT")
            if coin not in self.markets:
                return 400, {"code": -1121, "msg": "Invalid symbol."}
            return 200, self._klines(coin, query)
        return 404, {"code": -1, "msg": f"no such path: {path}"}

    def _klines(self, coin: str, query: dict[str, str]) -> list[list[Any]]:
        now = self.clock()
        since, limit = int(query.get("startTime", 0)), int(query.get("limit", 500))
        until = min(now, int(query.get("endTime", now)))
        rows: list[list[Any]] = []
        bars, missing = self.markets[coin], self.missing.get(coin, set())
        begin = int(np.searchsorted(bars["timestamp"], since))
        for bar in bars[begin:]:
            opened = int(bar["timestamp"])
            if opened > until or len(rows) == limit:
                break
            if opened in missing:
                continue
            if opened in self.late and now < opened + MINUTE + self.late[opened]:
                continue
            rows.append(_kline(bar, finished=now >= opened + MINUTE))
        return rows

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        venue = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                venue.requests.append(self.path)
                fault = venue.broken
                if fault is None and url.path == "/api/v3/klines" and venue.faults:
                    fault = venue.faults.popleft()
                if fault is not None:
                    time.sleep(fault.delay)
                    if fault.body or fault.status != 200:
                        return self._send(fault.status, fault.body)
                query = {key: values[-1] for key, values in parse_qs(url.query).items()}
                status, answer = venue.answer(url.path, query)
                return self._send(status, json.dumps(answer).encode())

            def _send(self, status: int, body: bytes) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client gave up waiting: what a test wants

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def _kline(bar: Any, finished: bool) -> list[Any]:
    opened = int(bar["timestamp"])
    # an unfinished candle shows other figures than the finished one: using it is always noticed
    close, volume = (bar["close"], bar["volume"]) if finished else (bar["open"], bar["volume"] / 2)
    figures = [bar["open"], bar["high"], bar["low"], close, volume]
    texts = [f"{float(figure):.8f}" for figure in figures]
    return [opened, *texts, opened + MINUTE - 1, "0.0", 1, "0.0", "0.0", "0"]


SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "MARKET"],
    "icebergAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": True,
    "filters": [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "0.01000000",
            "maxPrice": "1000000.00000000",
            "tickSize": "0.01000000",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": "0.00001000",
            "maxQty": "9000.00000000",
            "stepSize": "0.00001000",
        },
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
    ],
    "permissions": ["SPOT"],
    "permissionSets": [["SPOT"]],
}
