"""Every closed trade of one version over some bars, with what led to it and what followed.

One account of sleeve B is traded on all symbols as paper trades it, and its records are read: so a
look at the losses sees the very trades that a backtest of these bars gives. Bars from `until` on
are cut off first: nothing here can have seen them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from application.improvement.losses.courses import Entered, courses
from application.improvement.losses.entry_contexts import entry_contexts
from application.improvement.losses.holding import Holding, holding
from application.improvement.losses.price_paths import PricePath
from application.improvement.losses.studied import Afterwards, StudiedTrade, Turns
from application.kernel_rows import limits_row, market_row
from application.ports import Stretch, moments
from application.ports import until as cut_at
from application.report_ledger import Ledger
from application.report_regimes import NAMES
from domain.instrument import Instrument
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits
from domain.money import to_units
from kernels import dtypes
from kernels.joint_runner import JointBlock
from kernels.metrics.trades import Trade
from kernels.program import Program
from kernels.runner import LaneSpec
from kernels.runners import runner_on
from kernels.told import Told as Said

Array = np.ndarray[Any, Any]

SLEEVE = "B"
HOUR, DAY = 3_600_000, 86_400_000  # ms
THURSDAY = 3  # 1970 began on one


def trades_of(
    program: Program,
    parameters: Mapping[str, float],
    stretch: Stretch,
    instruments: Sequence[Instrument],
    limits: Limits,
    base_ms: int,
    *,
    start: int,
    until: int,
    backend: str = "lanes",
    told: Sequence[Said] = (),
) -> tuple[StudiedTrade, ...]:
    """Trade one account of sleeve B from `start` to `until` (ms) and study what it closed.

    `stretch` has each symbol's bars, in the order of the instruments; those before `start` only
    warm series up, those from `until` on are not looked at. `told`: of each symbol's regime, if
    anything. Trades come in the order they closed.
    Raises ParameterError, UnknownBackend; ValueError for more symbols than an account may hold.
    """
    known = cut_at(stretch, until)
    markets = [market_row(instrument) for instrument in instruments]
    lane = LaneSpec(
        SLEEVE_LEVERAGE[SLEEVE], float(to_units(SLEEVE_CAPITAL)), limits_row(limits), signals=True
    )
    runner = runner_on(markets, program, parameters, base_ms, [lane], backend)
    for symbol, said in enumerate(told):
        runner.tell(symbol, said)
    warming = cut_at(known, start)
    warmed = [0] * len(known)  # strategy bars of each symbol that closed before
    if len(moments(warming)):
        block = runner.run(warming, [dtypes.ENTRIES_OFF])
        warmed = [len(closes) for closes in block.closes]
    traded = tuple(bars[len(part) :] for bars, part in zip(known, warming, strict=True))
    if len(moments(traded)) == 0:
        return ()
    block = runner.run(traded, [0])
    contexts = entry_contexts(program.timeframe, known, markets, base_ms, backend, told)
    ledger = Ledger(instruments, base_ms, program.tags)
    ledger.add(block.records[0], block.times)
    reader = Reader(program, instruments, base_ms, holding(program, parameters))
    return reader.read(
        ledger, block, known, [c[:, n:] for c, n in zip(contexts, warmed, strict=True)]
    )


@dataclass(frozen=True)
class Reader:
    """Reads trades off an account's records."""

    program: Program
    instruments: Sequence[Instrument]
    base_ms: int
    holding: Holding

    def read(
        self, ledger: Ledger, block: JointBlock, known: Stretch, contexts: Sequence[Array]
    ) -> tuple[StudiedTrade, ...]:
        records = block.records[0]
        found = Found.of(records, ledger, len(self.instruments))
        regimes = regimes_of(found, contexts)
        entries = ledger.entries()
        labels: list[str | None] = [None] * len(entries)
        for place, regime in zip(found.places.tolist(), regimes, strict=True):
            labels[place] = regime
        trades = ledger.trades(labels)
        studied: list[StudiedTrade | None] = [None] * len(trades)
        for symbol, instrument in enumerate(self.instruments):
            own = np.flatnonzero(found.symbols == symbol)
            if len(own) == 0:
                continue
            path = PricePath(known[symbol], float(instrument.tick), self.base_ms)
            entered = self.entered(found.at(own), path, ledger, own)
            figures = courses(path, entered, self.holding, self.program.timeframe_ms)
            bars = found.signals[own, dtypes.D].astype(np.int64)
            told = Told(
                figures={name: values.tolist() for name, values in figures.items()},
                series=block.series[symbol][:, bars].T.tolist(),
                context=contexts[symbol][:, bars].T.tolist(),
                confidence=found.signals[own, dtypes.B].tolist(),
                levels=found.opened[own][:, (dtypes.C, dtypes.D, dtypes.E)].tolist(),
                references=found.fills[own, dtypes.E].tolist(),
            )
            for n, place in enumerate(own.tolist()):
                studied[place] = self.studied(trades[place], instrument, told, n)
        return tuple(trade for trade in studied if trade is not None)

    def entered(self, found: "Found", path: PricePath, ledger: Ledger, own: Array) -> Entered:
        """One symbol's trades, their levels signed and their bars found."""
        side = found.opened[:, dtypes.A]
        exits = ledger.exits()[own]
        entry_at = ledger.entries()[found.places, 0]
        bar = path.before(exits[:, 1])
        within = exits[:, 0] > exits[:, 1]
        return Entered(
            side=side,
            entry=found.opened[:, dtypes.C] * side,
            reference=found.fills[:, dtypes.E] * side,
            stop=found.opened[:, dtypes.D] * side,
            target=found.opened[:, dtypes.E] * side,
            left=found.last[:, dtypes.E] * side,
            stopped=within & (found.closed[:, dtypes.M] == dtypes.STOP),
            entry_at=entry_at,
            exit_at=exits[:, 0],
            entry_bar=path.before(entry_at),
            exit_bar=bar,
            after=bar + within,
        )

    def studied(self, trade: Trade, instrument: Instrument, told: "Told", n: int) -> StudiedTrade:
        entry, stop, target = told.levels[n]
        distance = 0 if stop != stop else int(trade.side * (entry - stop))
        risk = distance * instrument.tick * trade.quantity
        figures = {name: number(values[n]) for name, values in told.figures.items()}
        names = self.program.series_names
        _, volatility, volume = map(number, told.context[n])
        return StudiedTrade(
            trade=trade,
            confidence=told.confidence[n],
            reference=int(told.references[n]) * instrument.tick,
            stop=None if stop != stop else int(stop) * instrument.tick,
            target=None if target != target else int(target) * instrument.tick,
            risk=risk,
            mae=multiple(trade.mae, risk),
            mfe=multiple(trade.mfe, risk),
            net=multiple(trade.net, risk),
            hour=trade.entry_at // HOUR % 24,
            weekday=(trade.entry_at // DAY + THURSDAY) % 7,
            series=dict(zip(names, map(number, told.series[n]), strict=True)),
            volatility=volatility,
            volume=volume,
            afterwards=afterwards_of(figures),
            turns=Turns(**{name: truth(figures[name]) for name in Turns.__struct_fields__}),
            late=figures["late"],
            later=figures["later"],
        )


@dataclass(frozen=True)
class Told:
    """What is known of one symbol's trades, a place each."""

    figures: dict[str, list[float]]
    series: list[list[float]]
    context: list[list[float]]
    confidence: list[float]
    levels: list[list[float]]  # entry, stop, first target: ticks
    references: list[float]  # ticks


@dataclass(frozen=True)
class Found:
    """The records that belong to each closed trade, a row each."""

    symbols: Array
    places: Array  # among the ledger's entries
    signals: Array
    fills: Array  # of the entry
    opened: Array
    last: Array  # fill of the last exit
    closed: Array

    @staticmethod
    def of(records: Array, ledger: Ledger, symbols: int) -> "Found":
        """Pair records up: an account has one position of a symbol at a time."""
        kinds, owners = records[:, dtypes.KIND], records[:, dtypes.SYMBOL]
        opened, closed = (np.flatnonzero(kinds == k) for k in (dtypes.OPENED, dtypes.CLOSED))
        places = ledger.entered()
        begun = opened[places]
        signals, fills, last = (np.empty(len(closed), np.int64) for _ in range(3))
        for symbol in range(symbols):
            own = owners[closed] == symbol
            rows = owners == symbol
            told = np.flatnonzero(rows & (kinds == dtypes.SIGNAL))
            filled = np.flatnonzero(rows & (kinds == dtypes.FILL))
            signals[own] = latest(told, begun[own])
            fills[own] = latest(filled, begun[own])
            last[own] = latest(filled, closed[own])
        taken = (signals, fills, begun, last, closed)
        return Found(owners[closed].astype(np.int64), places, *(records[rows] for rows in taken))

    def at(self, own: Array) -> "Found":
        """Those of some trades."""
        return Found(
            self.symbols[own],
            self.places[own],
            self.signals[own],
            self.fills[own],
            self.opened[own],
            self.last[own],
            self.closed[own],
        )


def latest(rows: Array, before: Array) -> Array:
    """The last of some rows before each of others."""
    found: Array = rows[np.searchsorted(rows, before) - 1]
    return found


def regimes_of(found: Found, contexts: Sequence[Array]) -> list[str | None]:
    """Name the regime at the bar of each trade's signal."""
    bars = found.signals[:, dtypes.D].astype(np.int64).tolist()
    codes = [contexts[s][0, n] for s, n in zip(found.symbols.tolist(), bars, strict=True)]
    return [None if code != code else NAMES[int(code)] for code in codes]


def afterwards_of(figures: Mapping[str, float | None]) -> Afterwards | None:
    best, worst, again = figures["best"], figures["worst"], figures["entry_again"]
    if best is None or worst is None or again is None:
        return None
    return Afterwards(
        minutes=int(figures["minutes"] or 0),
        best=best,
        worst=worst,
        entry_again=bool(again),
        target_reached=truth(figures["target_reached"]),
    )


def number(value: float) -> float | None:
    return None if value != value else value


def truth(value: float | None) -> bool | None:
    return None if value is None else bool(value)


def multiple(money: Any, risk: Any) -> float | None:
    """Money in multiples of a risk; None without one."""
    return float(money) / float(risk) if risk > 0 else None
