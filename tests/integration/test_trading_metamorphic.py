"""What must not matter to an account does not, and what must scale does, without an oracle.

Each test trades the same accounts twice, the second time with one thing changed whose effect is
known beforehand. They run random strategies and shipped ones, on made bars always and on recorded
ones where there are any.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from application.ports import BAR
from kernels.program import Program, compile_strategy
from tests.integration.test_trading_differential import recorded
from tests.kernel_runs import MINUTE, SHIPPED, Array
from tests.trading_accounts import differences, trial_of
from tests.trading_bars import FIGURES, made_bars
from tests.trading_simulator_terms import QUOTE, Account, Fill, Limits, Outcome, Symbol, Trade
from tests.trading_simulator_trials import Trial, outcome_of, run

Bars = tuple[dict[str, Array], int]  # by symbol, and their length in ms
Source = Callable[[int], Bars]
STAKE = 1_000.0  # quote a trade
NAMED = ("ema_trend", "keltner_squeeze", "rsi_macd_consensus", "volume_breakout", "vwap_reversion")
FILES = [path for path in SHIPPED if path.stem in NAMED]
COSTLY = {"maker": 0.0002, "taker": 0.0005, "perpetual": True}
FREE = {"maker": 0.0, "taker": 0.0, "perpetual": False}
MONEY = ("daily", "weekly", "monthly", "rapid", "margin_absolute")  # of the limits


def made(seed: int) -> Bars:
    return made_bars(seed, count=6_000), MINUTE


def several_made(seed: int) -> Bars:
    return made_bars(seed, 2, 3_000), MINUTE


@pytest.fixture(params=["made", "recorded"])
def source(request: pytest.FixtureRequest) -> Source:
    """Where the bars of a seed come from."""
    if request.param == "made":
        return made
    return partial(recorded, request.getfixturevalue("real_data"))


def traded(trial: Trial) -> list[Outcome]:
    moments = trial.moments
    taken = run(trial, moments)
    records = (np.concatenate(lane) for lane in zip(*(b.records for b in taken), strict=True))
    return [outcome_of(trial, moments, each) for each in records]


def staked(text: str) -> str:
    """The same strategy with a parameter `stake_` for the notional of its trades."""
    kept = re.sub(r"^sizing\(.*\n", "", text, flags=re.MULTILINE)
    sized = 'stake_ = param(1000.0, 1.0, 1000000.0)\nsizing("notional", stake_)\n'
    return re.sub(r"^(timeframe\(.*\n)", rf"\1{sized}", kept, flags=re.MULTILINE)


def of_fixed_notional(trial: Trial, path: Path | None) -> Trial:
    """A trial whose trades have the notional `STAKE`; of a shipped strategy where one is given."""
    several = len(trial.bars) > 1
    own = {} if path else trial.parameters
    text, name = (path.read_text(), path.stem) if path else (trial.script.text, trial.program.name)
    program: Program = compile_strategy(staked(text), f"{name}_staked", several=several)
    return replace(trial, program=program, parameters={**own, "stake_": STAKE})


def costing(trial: Trial, **changes: float) -> Trial:
    symbols = {name: replace(each, **changes) for name, each in trial.symbols.items()}  # type: ignore[arg-type]
    return replace(trial, symbols=symbols)


# Twice the prices


def doubled(trial: Trial) -> Trial:
    """All that is told in quote twice: prices, ticks, smallest orders, capital, limits, stakes.

    Lots and all rates are the same. Two is a power of two, so that no figure of a series is rounded
    otherwise.
    """
    stake = {"stake_": 2 * STAKE} if "stake_" in trial.parameters else {}
    return replace(
        trial,
        parameters=trial.parameters | stake,
        bars={name: dearer(each) for name, each in trial.bars.items()},
        symbols={
            name: replace(each, tick=2 * each.tick, min_notional=2 * each.min_notional)
            for name, each in trial.symbols.items()
        },
        accounts=tuple(
            (replace(account, capital=2 * account.capital), looser(bounds))
            for account, bounds in trial.accounts
        ),
    )


def dearer(bars: Array) -> Array:
    twice = bars.copy()
    for name in FIGURES:
        twice[name] *= 2.0
    return twice


def looser(bounds: Limits) -> Limits:
    return replace(bounds, **{name: 2 * getattr(bounds, name) for name in MONEY})


def assert_fills_are_twice(one: Outcome, two: Outcome) -> None:
    """Same lots at the same ticks; each fee, which is rounded, to 1e-8."""
    assert [without_costs(fill) for fill in two.fills] == [without_costs(f) for f in one.fills]
    for ours, theirs in zip(one.fills, two.fills, strict=True):
        assert theirs.slippage == 2 * ours.slippage
        assert abs(theirs.fee - 2 * ours.fee) <= 1
    assert [(f.step, f.symbol) for f in two.funded] == [(f.step, f.symbol) for f in one.funded]
    for paid, other in zip(one.funded, two.funded, strict=True):
        assert abs(other.paid - 2 * paid.paid) <= 1


def assert_trades_are_twice(one: Outcome, two: Outcome) -> None:
    """Exact before costs; net to 1e-8 for each of its fills and settlements."""
    assert len(two.trades) == len(one.trades)
    for ours, theirs in zip(one.trades, two.trades, strict=True):
        assert (theirs.gross, theirs.slippage) == (2 * ours.gross, 2 * ours.slippage)
        assert (theirs.mae, theirs.mfe) == (2 * ours.mae, 2 * ours.mfe)
        assert abs(theirs.net - 2 * ours.net) <= rounded_often(one, ours)


def rounded_often(outcome: Outcome, trade: Trade) -> int:
    """How often money was rounded while a trade lasted."""
    told = [(each.step, each.symbol) for each in outcome.fills]
    told += [(each.step, each.symbol) for each in outcome.funded]
    return sum(n == trade.symbol and trade.opened <= at <= trade.closed for at, n in told)


def without_costs(fill: Fill) -> Fill:
    return replace(fill, fee=0, slippage=0)


def guards(outcome: Outcome) -> tuple[object, ...]:
    """Refusals, trips, clearings and the end, but for their money."""
    return (
        [(r.step, r.symbol, r.code) for r in outcome.refusals],
        [(t.step, t.code, t.until) for t in outcome.trips],
        outcome.clears,
        outcome.ruin and outcome.ruin.step,
    )


@pytest.mark.parametrize("path", [None, *FILES], ids=lambda p: p.stem if p else "random")
def test_net_when_all_money_is_twice_as_much_then_is_twice_as_much(
    path: Path | None, source: Source
) -> None:
    trades = 0
    for seed in range(30, 32):
        bars, base_ms = source(seed)
        trial = costing(of_fixed_notional(trial_of(seed, bars, base_ms), path), **COSTLY)
        for one, two in zip(traded(trial), traded(doubled(trial)), strict=True):
            assert_fills_are_twice(one, two)
            assert_trades_are_twice(one, two)
            assert guards(two) == guards(one)
            trades += len(one.trades)
    assert trades > 0


def test_account_when_all_money_is_twice_as_much_and_nothing_costs_then_all_is_exactly_twice(
    source: Source,
) -> None:
    # Nothing is rounded, so sizes that follow equity are the same lots, whatever the method.
    methods, trades = set(), 0
    for seed in (30, 35, 45, 51, 56, 60, 62):
        bars, base_ms = source(seed)
        trial = costing(modest(trial_of(seed, bars, base_ms)), **FREE)
        methods.add(trial.script.method)
        for one, two in zip(traded(trial), traded(doubled(trial)), strict=True):
            assert_fills_are_twice(one, two)
            assert [t.net for t in two.trades] == [2 * t.net for t in one.trades]
            assert [m.equity for m in two.marks] == [2 * m.equity for m in one.marks]
            assert [m.drawdown for m in two.marks] == [2 * m.drawdown for m in one.marks]
            assert guards(two) == guards(one)
            trades += len(one.trades)
    assert trades > 0
    assert {"margin", "risk", "atr", "kelly_half", "optimal_f", "volatility_target"} < methods
    assert not methods & {"notional", "fixed_ratio"}  # whose values are quote


def modest(trial: Trial) -> Trial:
    """A trial of accounts so small that twice their notional is far from 2^53."""
    most = 5_000 * QUOTE
    accounts = ((replace(a, capital=min(a.capital, most)), bounds) for a, bounds in trial.accounts)
    return replace(trial, accounts=tuple(accounts))


# Twice the fees


@pytest.mark.parametrize("path", [None, *FILES], ids=lambda p: p.stem if p else "random")
def test_fees_when_they_are_twice_as_high_then_entries_are_the_same_and_no_trade_is_better(
    path: Path | None, source: Source
) -> None:
    # Limits off and a capital that no loss of these can touch: nothing asks what a trade brought.
    account, bounds = Account(10**7 * QUOTE, leverage=3), Limits(enforced=False)
    trades = 0
    for seed in range(50, 52):
        bars, base_ms = source(seed)
        trial = of_fixed_notional(trial_of(seed, bars, base_ms, accounts=1), path)
        trial = replace(trial, accounts=((account, bounds),))
        (cheap,) = traded(costing(trial, **COSTLY))
        (dear,) = traded(costing(trial, **COSTLY | {"maker": 0.0004, "taker": 0.001}))
        assert [replace(f, fee=0) for f in dear.fills] == [replace(f, fee=0) for f in cheap.fills]
        assert all(
            abs(d.fee - 2 * c.fee) <= 1 for c, d in zip(cheap.fills, dear.fills, strict=True)
        )
        for ours, theirs in zip(cheap.trades, dear.trades, strict=True):
            assert theirs.net < ours.net
            assert replace(theirs, net=ours.net, fees=ours.fees) == ours
        assert guards(dear) == guards(cheap)
        trades += len(cheap.trades)
    assert trades > 0


# A symbol that keeps still

STILL = "STILL-USDT"
T = TypeVar("T")
# Never the cheapest, so that no account is ruined sooner or later for it.
NEVER = Symbol(tick=0.01, lot=0.01, min_notional=10**9 * QUOTE, taker=0.01, perpetual=True)


def beside_a_still_one(trial: Trial, place: int, rng: np.random.Generator) -> Trial:
    """The trial with one symbol more, whose bars never trigger."""
    moments = trial.moments
    still: Array = np.zeros(len(moments), BAR)
    still["timestamp"] = moments
    for name in (*FIGURES, "volume"):
        still[name] = 50.0
    still["funding"][::97] = 1e-3
    bars = inserted(trial.bars, place, still[rng.random(len(still)) < 0.9])
    return replace(trial, bars=bars, symbols=inserted(trial.symbols, place, NEVER))


def inserted(named: Mapping[str, T], place: int, new: T) -> dict[str, T]:
    items = list(named.items())
    return dict([*items[:place], (STILL, new), *items[place:]])


def assert_still_one_changes_nothing(seed: int, bars: Bars) -> int:
    """Gives how many trades there were."""
    trial = trial_of(seed, *bars)
    rng = np.random.default_rng(seed)
    more = beside_a_still_one(trial, int(rng.integers(len(trial.bars) + 1)), rng)
    trades = 0
    for alone, beside in zip(traded(trial), traded(more), strict=True):
        assert list(differences(alone, beside)) == []
        trades += len(alone.trades)
    return trades


def test_symbol_when_it_keeps_still_then_changes_nothing_for_the_others() -> None:
    seeds = (60, 61)
    assert sum(assert_still_one_changes_nothing(n, several_made(n)) for n in seeds) > 0


def test_symbol_when_it_keeps_still_beside_recorded_ones_then_changes_nothing_for_them(
    real_data: Path,
) -> None:
    seeds = (63, 64)  # of sources of several symbols
    assert sum(assert_still_one_changes_nothing(n, recorded(real_data, n)) for n in seeds) > 0
