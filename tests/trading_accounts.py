"""Random accounts traded twice: by the kernel, and by the slow simulator of `docs/trading.md`.

The trial of a seed is a pure function of it and of the bars it is given. `KERNEL` and `RULES` say
what the kernel has: only that is asked of both. `python -m tests.trading_accounts 0 19 3` compares
the seeds 0 … 19 on made bars of three symbols, and tells of each that differs.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kernels import dtypes
from kernels.frontend.flat import TIMEFRAMES
from kernels.program import compile_strategy
from tests.kernel_runs import MINUTE, Array
from tests.kernel_trials import drawn
from tests.trading_bars import made_bars
from tests.trading_simulator import simulate
from tests.trading_simulator_strategies import VALUES, Author, Features, Script
from tests.trading_simulator_terms import (
    QUOTE,
    Account,
    Limits,
    Outcome,
    Refusal,
    Rules,
    Symbol,
)
from tests.trading_simulator_trials import Trial, by_kernel, moments_of

# What the kernel has today. Switch on what it learns; the simulator has all of it.
KERNEL = Features(
    trail=True,
    minutes=True,
    soft=True,
    dynamic=True,
    methods=tuple(method for method in VALUES if method in dtypes.SIZING),
)
RULES = Rules(
    cut=True,
    weekly=True,
    monthly=True,
    losses=True,
    rapid=True,
    joint_notional=True,
    positions=True,
)

WORDS = (0, 0, 0, 0, dtypes.ENTRIES_OFF, dtypes.FLATTEN, dtypes.ENTRIES_OFF | dtypes.FLATTEN)
CAPITALS = (60, 300, 900, 5_000, 17_000, 17_000, 100_000, 10_000_000)  # quote
GRIDS = {  # by price: tick, lot
    0.0: ((1e-6, 10.0), (1e-5, 1.0), (1e-4, 0.1), (0.01, 1.0)),
    5.0: ((1e-4, 1e-2), (1e-3, 0.1), (0.01, 1.0)),
    1_000.0: ((0.01, 1e-5), (0.5, 1e-3), (0.1, 1e-3), (0.01, 1e-3)),
}


def trial_of(
    seed: int, bars: Mapping[str, Array], base_ms: int = MINUTE, accounts: int = 2
) -> Trial:
    """Make up a trial on given bars; the first account is rich, and its trades may be large."""
    rng = np.random.default_rng(seed)
    frames = [name for name, minutes in TIMEFRAMES.items() if minutes * MINUTE % base_ms == 0]
    frame = str(rng.choice(frames[:3], p=(0.5, 0.35, 0.15)))
    script = Author(seed, frame, KERNEL).script()
    program = compile_strategy(script.text, f"account_{seed}", several=len(bars) > 1)
    perpetual = bool(rng.random() < 0.7)
    return Trial(
        script=script,
        program=program,
        parameters=drawn(program.parameters, rng),
        bars=bars,
        symbols={n: symbol_of(rng, float(b["close"][0]), perpetual) for n, b in bars.items()},
        base_ms=base_ms,
        accounts=tuple(account_of(script, rng, rich=n == 0) for n in range(accounts)),
        told=told_of(len(moments_of(bars)), accounts, rng),
    )


def told_of(
    bars: int, accounts: int, rng: np.random.Generator
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Some words, each followed by silence before long."""
    found = {0: (0,) * accounts}
    for at in sorted(rng.choice(np.arange(1, bars), rng.integers(0, 5), replace=False).tolist()):
        found[at] = tuple(int(word) for word in rng.choice(WORDS, accounts))
        found.setdefault(min(at + int(rng.integers(1, 200)), bars - 1), (0,) * accounts)
    return tuple(sorted(found.items()))


def symbol_of(rng: np.random.Generator, price: float, perpetual: bool) -> Symbol:
    grids = GRIDS[max(low for low in GRIDS if low <= price)]
    tick, lot = grids[rng.integers(len(grids))]
    return Symbol(
        tick=tick,
        lot=lot,
        min_notional=int(rng.choice([1, 5, 5, 50])) * QUOTE,
        maker=float(rng.choice([0.0, 0.0002])),
        taker=float(rng.choice([0.0, 0.0005, 0.0006])),
        slippage=float(rng.choice([0.0, 0.0003, 0.001])),
        dynamic=KERNEL.dynamic and bool(rng.random() < 0.4),
        maintenance=float(rng.choice([0.004, 0.05, 0.1])),
        perpetual=perpetual,
    )


def account_of(script: Script, rng: np.random.Generator, rich: bool) -> tuple[Account, Limits]:
    leverage = int(rng.integers(1, 9))
    account = Account(
        capital=int(rng.choice(CAPITALS[-4:] if rich else CAPITALS)) * QUOTE,
        leverage=leverage,
        method=script.method,
        value=script.value,
        bars_a_year=365 * 1440 / TIMEFRAMES[script.timeframe],
        reach=reach_of(script.method, script.value, leverage),
    )
    bounds = bounds_of(rng)
    if rich:
        bounds = replace(bounds, margin_fraction=20.0, notional_multiple=20.0)
        bounds = replace(bounds, margin_absolute=10**9 * QUOTE)
    return account, bounds


def reach_of(method: str, value: float, leverage: int) -> float:
    """The largest notional that a method can ask for, as a multiple of equity."""
    kelly = {"kelly": 1.0, "kelly_half": 0.5, "kelly_quarter": 0.25}
    if method in kelly:
        return max(value, kelly[method])
    shares = {"margin": leverage, "fraction": 1, "equity_curve": 1}
    shares |= {"martingale": 8, "anti_martingale": 8}
    return value * shares[method] if method in shares else float(leverage)


def bounds_of(rng: np.random.Generator) -> Limits:
    """Limits that are off, as they are, or so tight that each has its turn."""
    usual = Limits(enforced=bool(rng.random() < 0.6))

    def tightened(money: int) -> int:
        return int(money * rng.choice([1.0, 0.2, 0.02]))

    return replace(
        usual,
        daily=tightened(usual.daily),
        weekly=tightened(usual.weekly),
        monthly=tightened(usual.monthly),
        rapid=tightened(usual.rapid),
        losses=int(rng.choice([3, 1, 100])),
        pause=int(rng.choice([60, 7])) * MINUTE,
        margin_fraction=float(rng.choice([0.15, 0.06])),
        margin_absolute=int(rng.choice([1_000, 150])) * QUOTE,
        notional_multiple=float(rng.choice([8.0, 0.5])),
        positions=int(rng.choice([10, 2, 1])),
    )


# Both


def compare(trial: Trial) -> list[Outcome]:
    """Trade a trial's accounts twice; gives what happened, or raises AssertionError."""
    outcomes, steps = by_kernel(trial)
    for n, (account, bounds) in enumerate(trial.accounts):
        wanted = simulate(account, trial.symbols, bounds, steps[n], trial.base_ms, RULES)
        if wrong := next(differences(wanted, outcomes[n]), ""):
            where = f"{trial.program.name}, account {n}: {account}, {bounds}, {trial.symbols}"
            raise AssertionError(f"{wrong}\n{where}\n{trial.parameters}\n{trial.script.text}")
    return outcomes


def differences(wanted: Outcome, found: Outcome) -> Iterator[str]:
    """What the kernel told otherwise than the simulator, the first of each kind."""
    for kind in ("fills", "funded", "clears", "trips"):
        yield from unlike(kind, getattr(wanted, kind), getattr(found, kind))
    told = {mark.step for mark in found.marks}
    yield from unlike("marks", [m for m in wanted.marks if m.step in told], found.marks)
    yield from unlike("trades", wanted.trades, found.trades)
    yield from unlike("refusals", *(list(map(rounded, o.refusals)) for o in (wanted, found)))
    if wanted.ruin != found.ruin:
        yield f"ruin was {found.ruin}, must be {wanted.ruin}"


def rounded(refusal: Refusal) -> tuple[int, str, str, str, str]:
    """A refusal with its figures to twelve digits: they are doubles on both sides."""
    limit, observed = f"{refusal.limit:.12g}", f"{refusal.observed:.12g}"
    return refusal.step, refusal.symbol, refusal.code, limit, observed


def unlike(kind: str, wanted: Sequence[object], found: Sequence[object]) -> Iterator[str]:
    for n, (ours, theirs) in enumerate(zip(wanted, found, strict=False)):
        if ours != theirs:
            yield f"{kind}[{n}] was {theirs},\n must be {ours}"
            return
    if len(wanted) != len(found):
        rest = (list(found) + list(wanted))[min(len(wanted), len(found))]
        yield f"{kind} were {len(found)}, must be {len(wanted)}; the first beyond: {rest}"


def tally(outcomes: Iterable[Outcome]) -> Counter[str]:
    """How often each thing happened: reasons of trades, codes of refusals and trips."""
    found: Counter[str] = Counter()
    for outcome in outcomes:
        found.update(trade.reason for trade in outcome.trades)
        found.update(refusal.code for refusal in outcome.refusals)
        found.update(f"trip {trip.code}" for trip in outcome.trips)
        found.update(f"clear {clear.code}" for clear in outcome.clears)
        found["accounts"] += 1
        found["accounts that traded"] += bool(outcome.trades)
        found["funded"] += len(outcome.funded)
        found["marks"] += len(outcome.marks)
        found["ruined"] += outcome.ruin is not None
    return found


def main(first: int, last: int, symbols: int) -> int:
    """Compare seeds first … last; tells of those that differ and gives how many there were."""
    wrong, seen = 0, Counter[str]()
    for seed in range(first, last + 1):
        try:
            seen += tally(compare(trial_of(seed, made_bars(seed, symbols))))
        except AssertionError as error:
            wrong += 1
            print(error, flush=True)
    print(f"{last - first + 1} seeds, {wrong} of them with differences: {dict(seen)}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:4])), 1))
