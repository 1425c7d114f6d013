"""A trial of one account after another by the kernel, told as the simulator tells it.

The kernel's records become fills, trades and marks; its series become the wishes that the simulator
is handed, so that nothing but the account differs between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from kernels import dtypes
from kernels.frontend.flat import TIMEFRAMES
from kernels.program import Program
from kernels.runner import Block, LaneSpec, Runner
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

NAME = "TEST-USDT"
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
    """What to run. From bar `told[n][0]` on, account k has the control word `told[n][1][k]`."""

    script: Script
    program: Program
    parameters: dict[str, float]
    bars: Array
    base_ms: int
    symbol: Symbol
    accounts: tuple[tuple[Account, Limits], ...]
    told: tuple[tuple[int, tuple[int, ...]], ...]


def by_kernel(trial: Trial) -> tuple[list[Outcome], list[list[Step]]]:
    """What the kernel made of each account, and the steps that the simulator is to be given."""
    runner = runner_of(trial)
    blocks: list[Block] = []
    stops = [*trial.told, (len(trial.bars), ())]
    for (begin, word), (end, _) in pairwise(stops):
        block = runner.run(trial.bars[begin:end], word)
        for lane in block.records:
            lane[:, dtypes.BAR_INDEX] += begin
        blocks.append(block)
    closes = np.concatenate([block.closes for block in blocks])
    series = np.concatenate([block.series for block in blocks], axis=1)
    wishes = wishes_of(trial, closes, series)
    accounts = range(len(trial.accounts))
    records = [np.concatenate([block.records[n] for block in blocks]) for n in accounts]
    outcomes = [outcome_of(trial, each) for each in records]
    return outcomes, [steps_of(trial, n, wishes) for n in accounts]


def runner_of(trial: Trial) -> Runner:
    symbol = trial.symbol
    costs = {f.name: float(getattr(symbol, f.name)) for f in fields(symbol)}
    costs["unit"] = float(symbol.unit)
    lanes = [
        LaneSpec(account.leverage, float(account.capital), limits_row(bounds))
        for account, bounds in trial.accounts
    ]
    return Runner(trial.program, trial.parameters, market(**costs), trial.base_ms, lanes)


def limits_row(bounds: Limits) -> Array:
    figures = {name: float(getattr(bounds, ours)) for name, ours in LIMIT_FIELDS.items()}
    return limits(bounds.enforced, **figures)


def wishes_of(trial: Trial, closes: Array, series: Array) -> dict[int, Wish]:
    """By index of the base bar: the wish of the last strategy bar that closed there."""
    length = TIMEFRAMES[trial.script.timeframe] * MINUTE
    ends = trial.bars["timestamp"] + trial.base_ms
    at = np.searchsorted(ends, closes + length)
    found: dict[int, Wish] = {}
    for column, bar in enumerate(at.tolist()):
        figures = series[:, column].tolist()
        row = dict(zip(trial.program.series_names, figures, strict=True)) | trial.parameters
        closed = found[bar].closed + 1 if bar in found else 1
        found[bar] = trial.script.wish(row, closed)
    return found


def steps_of(trial: Trial, lane: int, wishes: dict[int, Wish]) -> list[Step]:
    names = trial.bars.dtype.names or ()
    told = dict(trial.told)
    word, found = 0, []
    for index, bar in enumerate(trial.bars.tolist()):
        word = told[index][lane] if index in told else word
        figures = dict(zip(names, bar, strict=True))
        opens_at = figures.pop("timestamp")
        wish = {NAME: wishes[index]} if index in wishes else {}
        off, flatten = bool(word & dtypes.ENTRIES_OFF), bool(word & dtypes.FLATTEN)
        found.append(Step(opens_at, {NAME: Bar(**figures)}, wish, off, flatten))
    return found


def outcome_of(trial: Trial, records: Array) -> Outcome:
    """The records of one account as the simulator would tell them."""
    found = Outcome()
    opened: tuple[int, str] = (0, "")
    for row in records.tolist():
        kind, step = int(row[dtypes.KIND]), int(trial.bars["timestamp"][int(row[dtypes.BAR_INDEX])])
        figures = row[dtypes.A :]
        match kind:
            case dtypes.FILL:
                found.fills.append(fill_of(step, figures))
            case dtypes.OPENED:
                opened = step, trial.program.tags[int(figures[5])]
            case dtypes.CLOSED:
                found.trades.append(trade_of(step, opened, figures))
            case dtypes.FUNDED:
                found.funded.append(Funded(step, NAME, int(figures[1])))
            case dtypes.MARKED:
                found.marks.append(Mark(step, *(int(x) for x in figures[:4])))
            case _:
                guard(found, kind, step, figures)
    return found


def guard(found: Outcome, kind: int, step: int, figures: Sequence[float]) -> None:
    match kind:
        case dtypes.REFUSED:
            found.refusals.append(Refusal(step, NAME, code_of(figures), figures[1], figures[2]))
        case dtypes.TRIPPED:
            limit, observed, until = (int(x) for x in figures[1:4])
            found.trips.append(Trip(step, code_of(figures), until, limit, observed))
        case dtypes.CLEARED:
            found.clears.append(Clear(step, code_of(figures)))
        case dtypes.RUINED:
            found.ruin = Ruin(step, int(figures[0]), int(figures[1]))


def code_of(figures: Sequence[float]) -> str:
    return dtypes.LIMIT_CODES[int(figures[0])]


def fill_of(step: int, figures: Sequence[float]) -> Fill:
    side, intent, lots, price, reference, fee, slippage, taker = (int(x) for x in figures[:8])
    name = dtypes.INTENTS[intent]
    return Fill(step, NAME, side, name, lots, price, reference, fee, slippage, bool(taker))


def trade_of(step: int, opened: tuple[int, str], figures: Sequence[float]) -> Trade:
    side, lots, entry, last, *money = (int(x) for x in figures[:12])
    reason = dtypes.INTENTS[int(figures[12])]
    gross, fees, slippage, funding, net, mae, mfe, bars = money
    return Trade(
        symbol=NAME,
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
