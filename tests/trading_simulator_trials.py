"""A trial of accounts by the kernel, told as the simulator tells it.

The kernel's records become fills, trades and marks; its series become the wishes that the simulator
is handed, so that nothing but the account differs between the two.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from kernels import dtypes
from kernels.frontend.flat import TIMEFRAMES
from kernels.joint_runner import JointBlock, JointRunner
from kernels.program import Program
from kernels.runner import LaneSpec, Runner
from tests.kernel_runs import MINUTE, Array, limits, market
from tests.trading_simulator_strategies import Script
from tests.trading_simulator_terms import (
    Account,
    Bar,
    Clear,
    Fill,
    Funded,
    Limits,
    Mark,
    Outcome,
    Refusal,
    Ruin,
    Step,
    Symbol,
    Trade,
    Trip,
    Wish,
)

# A program is traded once and thrown away, and numba, which gives the same bits, takes seconds to
# compile each of them. The long run takes its time.
BACKEND = "numba" if os.environ.get("PERPETUA_LONG") else "lanes"

# Field of a limits row -> that of the simulator's limits.
LIMIT_FIELDS = {
    "daily_loss": "daily",
    "weekly_loss": "weekly",
    "monthly_loss": "monthly",
    "rapid_loss": "rapid",
    "losses": "losses",
    "pause": "pause",
    "margin_fraction": "margin_fraction",
    "margin_absolute": "margin_absolute",
    "notional_multiple": "notional_multiple",
    "positions": "positions",
}


@dataclass(frozen=True)
class Trial:
    """What to run; symbols by name, in the account's order.

    From the moment `told[n][0]` on, account k has the control word `told[n][1][k]`; moments are the
    times at which any symbol has a bar.
    """

    script: Script
    program: Program
    parameters: dict[str, float]
    bars: Mapping[str, Array]
    symbols: Mapping[str, Symbol]
    base_ms: int
    accounts: tuple[tuple[Account, Limits], ...]
    told: tuple[tuple[int, tuple[int, ...]], ...]

    @property
    def moments(self) -> Array:
        """Every time at which a symbol has a bar, ms."""
        return moments_of(self.bars)


def moments_of(bars: Mapping[str, Array]) -> Array:
    """Every time at which any of these bars opens, ms."""
    return np.unique(np.concatenate([each["timestamp"] for each in bars.values()]))


def by_kernel(trial: Trial) -> tuple[list[Outcome], list[list[Step]]]:
    """What the kernel made of each account, and the steps that the simulator is to be given."""
    moments = trial.moments
    taken = run(trial, moments)
    accounts = range(len(trial.accounts))
    records = [np.concatenate([block.records[n] for block in taken]) for n in accounts]
    outcomes = [outcome_of(trial, moments, each) for each in records]
    wishes = {}
    for n, name in enumerate(trial.symbols):
        closes = np.concatenate([block.closes[n] for block in taken])
        series = np.concatenate([block.series[n] for block in taken], axis=1)
        wishes[name] = wishes_of(trial, name, closes, series)
    return outcomes, [steps_of(trial, moments, n, wishes) for n in accounts]


def run(trial: Trial, moments: Array) -> list[JointBlock]:
    """The kernel's blocks, one for each word that the accounts were told."""
    runner = runner_of(trial)
    blocks = []
    for (begin, word), (end, _) in pairwise([*trial.told, (len(moments), ())]):
        within = (moments[begin], moments[end - 1] + 1)
        bars = [b[slice(*np.searchsorted(b["timestamp"], within))] for b in trial.bars.values()]
        if isinstance(runner, JointRunner):
            block = runner.run(bars, word)
        else:
            of_one = runner.run(bars[0], word)
            block = JointBlock(
                of_one.records, bars[0]["timestamp"], [of_one.closes], [of_one.series]
            )
        for lane in block.records:
            lane[:, dtypes.BAR_INDEX] += begin
        blocks.append(block)
    return blocks


def runner_of(trial: Trial) -> Runner | JointRunner:
    markets = [market_row(symbol) for symbol in trial.symbols.values()]
    lanes = [
        LaneSpec(account.leverage, float(account.capital), limits_row(bounds))
        for account, bounds in trial.accounts
    ]
    about = (trial.base_ms, lanes, BACKEND)
    if len(markets) == 1:
        return Runner(trial.program, trial.parameters, markets[0], *about)
    return JointRunner(trial.program, trial.parameters, markets, *about)


def market_row(symbol: Symbol) -> Array:
    figures = {f.name: float(getattr(symbol, f.name)) for f in fields(symbol)}
    return market(**figures, unit=float(symbol.unit))


def limits_row(bounds: Limits) -> Array:
    figures = {name: float(getattr(bounds, ours)) for name, ours in LIMIT_FIELDS.items()}
    return limits(bounds.enforced, **figures)


def wishes_of(trial: Trial, name: str, closes: Array, series: Array) -> dict[int, Wish]:
    """By time of the base bar: the wish of the last strategy bar that closed there."""
    length = TIMEFRAMES[trial.script.timeframe] * MINUTE
    times = trial.bars[name]["timestamp"]
    at = np.searchsorted(times + trial.base_ms, closes + length)
    found: dict[int, Wish] = {}
    for column, time in enumerate(times[at].tolist()):
        figures = series[:, column].tolist()
        row = dict(zip(trial.program.series_names, figures, strict=True)) | trial.parameters
        closed = found[time].closed + 1 if time in found else 1
        found[time] = trial.script.wish(row, closed)
    return found


def steps_of(
    trial: Trial, moments: Array, lane: int, wishes: Mapping[str, Mapping[int, Wish]]
) -> list[Step]:
    bars = {name: bars_of(each) for name, each in trial.bars.items()}
    told = dict(trial.told)
    word, found = 0, []
    for index, time in enumerate(moments.tolist()):
        word = told[index][lane] if index in told else word
        here = {name: each[time] for name, each in bars.items() if time in each}
        asked = {name: each[time] for name, each in wishes.items() if time in each}
        off, flatten = bool(word & dtypes.ENTRIES_OFF), bool(word & dtypes.FLATTEN)
        found.append(Step(time, here, asked, off, flatten))
    return found


def bars_of(rows: Array) -> dict[int, Bar]:
    return {time: Bar(*figures) for time, *figures in rows.tolist()}


def outcome_of(trial: Trial, moments: Array, records: Array) -> Outcome:
    """The records of one account as the simulator would tell them."""
    found = Outcome()
    names = list(trial.symbols)
    opened: dict[str, tuple[int, str]] = {}
    for row in records.tolist():
        kind, step = int(row[dtypes.KIND]), int(moments[int(row[dtypes.BAR_INDEX])])
        name, figures = names[int(row[dtypes.SYMBOL])], row[dtypes.A :]
        match kind:
            case dtypes.FILL:
                found.fills.append(fill_of(step, name, figures))
            case dtypes.OPENED:
                opened[name] = step, trial.program.tags[int(figures[5])]
            case dtypes.CLOSED:
                found.trades.append(trade_of(step, name, opened[name], figures))
            case dtypes.FUNDED:
                found.funded.append(Funded(step, name, int(figures[1])))
            case dtypes.MARKED:
                found.marks.append(Mark(step, *(int(x) for x in figures[:4])))
            case _:
                guard(found, kind, step, name, figures)
    return found


def guard(found: Outcome, kind: int, step: int, name: str, figures: Sequence[float]) -> None:
    match kind:
        case dtypes.REFUSED:
            found.refusals.append(Refusal(step, name, code_of(figures), figures[1], figures[2]))
        case dtypes.TRIPPED:
            limit, observed, until = (int(x) for x in figures[1:4])
            found.trips.append(Trip(step, code_of(figures), until, limit, observed))
        case dtypes.CLEARED:
            found.clears.append(Clear(step, code_of(figures)))
        case dtypes.RUINED:
            found.ruin = Ruin(step, int(figures[0]), int(figures[1]))


def code_of(figures: Sequence[float]) -> str:
    return dtypes.LIMIT_CODES[int(figures[0])]


def fill_of(step: int, symbol: str, figures: Sequence[float]) -> Fill:
    side, intent, lots, price, reference, fee, slippage, taker = (int(x) for x in figures[:8])
    name = dtypes.INTENTS[intent]
    return Fill(step, symbol, side, name, lots, price, reference, fee, slippage, bool(taker))


def trade_of(step: int, symbol: str, opened: tuple[int, str], figures: Sequence[float]) -> Trade:
    side, lots, entry, last, *money = (int(x) for x in figures[:12])
    reason = dtypes.INTENTS[int(figures[12])]
    gross, fees, slippage, funding, net, mae, mfe, bars = money
    return Trade(
        symbol=symbol,
        opened=opened[0],
        closed=step,
        side=side,
        lots=lots,
        entry=entry,
        exit=last,
        gross=gross,
        fees=fees,
        slippage=slippage,
        funding=funding,
        net=net,
        mae=mae,
        mfe=mfe,
        bars=bars,
        reason=reason,
        tag=opened[1],
    )
