"""The market's own record of the bars that were used.

A UTC day is sealed when its last bar was processed or a later bar arrives, whichever comes first;
what is sealed follows from the bars alone, never from how they were cut into blocks. Days without a
single bar have nothing to seal: the gap is recorded instead.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct

from application.ports import Bars
from domain.ids import step_correlation
from domain.market import BarsSealed, FeedGap, stream
from domain.timeframe import DAY

GAP = 2  # bars missing in a row that make a gap

START, OPEN, CLOSE, END = range(4)  # where in a step something belongs
PHASES = 4


class Sealed(Struct):
    """Where sealing stands."""

    version: int = 0  # of the market stream
    day: int = -1  # open of the UTC day that is being filled, −1 when none is
    start: int = 0  # where its range begins
    rows: int = 0
    last: int = -1  # open of the last bar seen, −1 before the first


class Due(Struct, frozen=True):
    """A seal or a gap, and where it belongs: 4 × index of the moment + phase."""

    key: int
    event: BarsSealed | FeedGap


class Sealer:
    """Seals one symbol's days."""

    def __init__(
        self,
        venue: str,
        symbol: str,
        timeframe: str,
        base_ms: int,
        records: Callable[[str, int, int], bytes],
        state: Sealed | None = None,
    ) -> None:
        self._venue = venue
        self._symbol = symbol
        self._timeframe = timeframe
        self._base_ms = base_ms
        self._records = records
        self.state = Sealed() if state is None else state

    def scan(self, bars: Bars, moments: Bars) -> Sequence[Due]:
        """Take the next bars, journalled already; give what falls due, in order.

        `moments` are those of the block, of all symbols.
        """
        opens = bars["timestamp"]
        if len(opens) == 0:
            return ()
        at = range(len(opens)) if opens is moments else np.searchsorted(moments, opens).tolist()
        days = opens // DAY
        turns = {0, *((days[1:] != days[:-1]).nonzero()[0] + 1).tolist()}
        gaps = ((opens[1:] - opens[:-1]) > GAP * self._base_ms).nonzero()[0] + 1
        stops = sorted({*turns, *gaps.tolist(), len(opens)})
        due: list[Due] = []
        for first, end in pairwise(stops):
            self._arrive(int(opens[first]), at[first], due)
            self.state.rows += end - first
            self.state.last = int(opens[end - 1])
            if self.state.last + self._base_ms == self.state.day + DAY:
                self._seal(PHASES * at[end - 1] + END, self.state.last, due)
        return due

    def _arrive(self, opened: int, index: int, due: list[Due]) -> None:
        state, day = self.state, opened // DAY * DAY
        if state.day not in (-1, day):
            self._seal(PHASES * index + START, opened, due)
        missing = (opened - state.last) // self._base_ms - 1
        if state.last >= 0 and missing >= GAP:
            gap = FeedGap(
                **self._head(opened, opened),
                venue=self._venue,
                symbol=self._symbol,
                after=state.last,
                before=opened,
                missing=missing,
            )
            due.append(Due(PHASES * index + START, gap))
        if state.day == -1:
            state.start = opened if state.last < 0 else day
            state.day, state.rows = day, 0

    def _seal(self, key: int, bar: int, due: list[Due]) -> None:
        state = self.state
        end = state.day + DAY
        at = bar if key % PHASES == START else end
        sealed = BarsSealed(
            **self._head(at, bar),
            venue=self._venue,
            symbol=self._symbol,
            timeframe=self._timeframe,
            start=state.start,
            end=end,
            rows=state.rows,
            absent=(end - state.start) // self._base_ms - state.rows,
            sha256=sha256(self._records(self._symbol, state.start, end)).hexdigest(),
        )
        due.append(Due(key, sealed))
        state.day = -1

    def _head(self, at: int, bar: int) -> dict[str, Any]:
        self.state.version += 1
        return {
            "stream": stream(self._venue, self._symbol),
            "stream_version": self.state.version,
            "kind": "input",
            "occurred_at": at,
            "effective_at": at,
            "correlation_id": step_correlation(bar),
            "actor": "engine",
        }
