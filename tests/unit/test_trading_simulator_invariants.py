"""What always holds in the slow simulator, whatever bars and wishes come."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.trading_simulator import MINUTE, simulate
from tests.trading_simulator_tables import (
    COIN,
    OFF,
    RICH,
    START,
    Rows,
    flat,
    long,
    play,
    short,
)
from tests.trading_simulator_terms import QUOTE, Bar, Step, Wish


def drawn(seed: int, count: int = 120) -> tuple[Rows, dict[int, Wish]]:
    """A jumpy walk and wishes at every third bar."""
    rng = random.Random(seed)  # noqa: S311
    price, rows, wishes, parts = 1000.0, [], {}, rng.randint(0, 3)
    for index in range(count):
        opened = max(price + rng.randint(-15, 15), 20)
        price = max(opened + rng.randint(-30, 30), 20)
        top, bottom = max(opened, price), min(opened, price)
        rate = rng.choice([0.0, 0.0, 1e-3, -2e-3])
        rows.append((opened, top + rng.randint(0, 20), bottom - rng.randint(0, 15), price, 9, rate))
        if index % 3 == 0:
            asked = rng.choice([long, short, long, short])
            targets = [(rng.randint(5, 60), 0.3) for _ in range(parts)]
            plan = {"trail": rng.choice([20.0, 60.0])} if rng.random() < 0.4 else {}
            wishes[index] = asked(rng.randint(5, 400), *targets, **plan)
            if rng.random() < 0.4:
                wishes[index] = flat(rng.randint(5, 400), *targets, max_bars=6)
    return rows, wishes


COSTLY = replace(COIN, maker=2e-4, taker=6e-4, slippage=1e-3, maintenance=0.02, perpetual=True)


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_equity_when_added_up_from_fills_alone_then_is_that_of_every_mark(
    seed: int, leverage: int
) -> None:
    rows, wishes = drawn(seed)
    account = replace(RICH, leverage=leverage, value=20_000.0)
    outcome = play(rows, wishes, symbol=COSTLY, account=account)
    held, money = 0, account.capital
    fills, funded = list(outcome.fills), list(outcome.funded)
    for mark, row in zip(outcome.marks, rows, strict=True):
        while fills and fills[0].step == mark.step:
            fill = fills.pop(0)
            held += fill.side * fill.lots
            money -= fill.side * fill.lots * fill.price * QUOTE + fill.fee
        while funded and funded[0].step == mark.step:
            money -= funded.pop(0).paid
        assert mark.equity == money + held * round(row[3]) * QUOTE
    assert not fills
    assert not funded


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_trades_when_closed_then_gross_less_costs_is_net_and_nets_are_the_cash(
    seed: int, leverage: int
) -> None:
    rows, wishes = drawn(seed)
    account = replace(RICH, leverage=leverage, value=20_000.0)
    outcome = play(rows, wishes, symbol=COSTLY, account=account)
    for trade in outcome.trades:
        assert trade.net == trade.gross - trade.fees - trade.slippage - trade.funding
        assert trade.mae <= 0 <= trade.mfe
    for mark in outcome.marks:
        if sum(f.side * f.lots for f in outcome.fills if f.step <= mark.step) == 0:
            nets = sum(t.net for t in outcome.trades if t.closed <= mark.step)
            assert (mark.cash, mark.unrealised) == (account.capital + nets, 0)


@given(st.integers(0, 10**6))
def test_symbols_when_sizes_do_not_depend_on_the_account_then_each_trades_as_if_alone(
    seed: int,
) -> None:
    made = {name: drawn(seed + n) for n, name in enumerate("ABC")}
    steps = [
        Step(
            START + index * MINUTE,
            {name: Bar(*rows[index]) for name, (rows, _) in made.items()},
            {name: wishes[index] for name, (_, wishes) in made.items() if index in wishes},
        )
        for index in range(120)
    ]
    account = replace(RICH, capital=10**7 * QUOTE, value=20_000.0)
    together = simulate(account, dict.fromkeys(made, COSTLY), OFF, steps)
    for name, (rows, wishes) in made.items():
        alone = play(rows, wishes, symbol=COSTLY, account=account)
        ours = [replace(t, symbol="A") for t in together.trades if t.symbol == name]
        assert ours == alone.trades
