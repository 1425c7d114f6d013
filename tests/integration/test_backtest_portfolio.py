"""Several strategies on one venue account: each its own limits, and those of all across them."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from api.cli.main import app
from api.cli.research import OptionInvalid
from application.backtest import run_market
from application.backtest_portfolio import StrategyTwice, run_portfolio
from application.portfolio_report import PortfolioRun
from application.report import Request
from domain.limits import effective
from infrastructure.feeds.market import Market
from infrastructure.feeds.recorded import open_recorded
from kernels.program import Program
from tests.feed_bars import made_bars, write_bars
from tests.kernel_runs import MINUTE, START, STRATEGIES, program_of
from tests.page_reader import read
from tests.portfolio_runs import CROSSES, Slow, crossing, script, scripted, together, told
from tests.report_markets import MemoryMarket, instrument_of, stretch_of
from tests.report_runs import SOURCE
from tests.sweep_runs import wants

BUYER, OTHER, THIRD = (
    scripted("a", [2, 4], [3], 1_000),
    scripted("b", [2, 5], [6, 7], 1_000),
    scripted("c", [2, 8], [7, 9], 1_000),
)
A, B = "S00-USDT", "S01-USDT"


def after(bars: int) -> int:
    """When so many bars were over."""
    return START + bars * MINUTE


def places(run: PortfolioRun, name: str) -> list[tuple[str, int, int, int, str]]:
    """A strategy's trades: symbol, side, bars of entry and exit, reason."""
    return [
        (t.symbol, t.side, (t.entry_at - START) // MINUTE, (t.exit_at - START) // MINUTE, t.reason)
        for t in run.trades
        if t.strategy == name
    ]


def overlaps(run: PortfolioRun) -> list[Any]:
    """Pairs of different accounts' trades that held a symbol in one direction at once."""
    found = []
    for n, one in enumerate(run.trades):
        for other in run.trades[n + 1 :]:
            same = (one.symbol, one.side) == (other.symbol, other.side)
            apart = one.exit_at <= other.entry_at or other.exit_at <= one.entry_at
            if same and not apart and one.strategy != other.strategy:
                found.append((one, other))
    return found


# What the limits across accounts refuse


def test_portfolio_when_two_want_one_direction_then_the_first_by_name_has_it() -> None:
    run = together([OTHER, BUYER], (script({3: 2.0}), script({})))
    (refusal,) = run.refused
    assert (refusal.at, refusal.account, refusal.symbol) == (after(4), "b", A)
    assert (refusal.code, refusal.side) == ("RISK_ACCOUNTS_PER_DIRECTION", "long")
    assert (refusal.limit, refusal.observed) == (1, 2)
    assert [trade[:3] for trade in places(run, "a")] == [(A, 1, 4)]
    assert places(run, "b") == []
    assert run.report.joint_refusals == {"RISK_ACCOUNTS_PER_DIRECTION": 1}
    assert [each.joint_refusals for each in run.report.accounts] == [
        {},
        {"RISK_ACCOUNTS_PER_DIRECTION": 1},
    ]


def test_portfolio_when_a_symbol_is_held_both_ways_then_no_third_account_comes_in() -> None:
    run = together([BUYER, OTHER, THIRD], (script({2: 4.0, 3: 6.0, 4: 8.0, 6: 9.0}), script({})))
    assert [trade[:3] for trade in places(run, "a")] == [(A, 1, 3)]
    assert [trade[:3] for trade in places(run, "b")] == [(A, -1, 4)]
    assert places(run, "c") == []
    assert [(r.account, r.side) for r in run.refused] == [("c", "long"), ("c", "short")]


def test_portfolio_when_one_bet_grows_beyond_twice_the_equity_then_is_refused() -> None:
    large = scripted("large", [2], [3], 8_000)
    first = tuple(script({2: 2.0}) for _ in range(4))
    later = script({4: 2.0})
    short = script({6: 3.0})
    run = together([large], (*first, later, short))
    (refusal,) = run.refused
    assert (refusal.code, refusal.symbol, refusal.at) == ("RISK_CORRELATED", "S04-USDT", after(5))
    assert refusal.limit < 34_000 < 39_900 < refusal.observed <= 40_000  # type: ignore[operator]
    held = Counter((trade.symbol, trade.side) for trade in run.trades)
    # the other side of symbols of which nothing is known is no part of the bet
    assert held == {(f"S0{n}-USDT", 1 if n < 4 else -1): 1 for n in (0, 1, 2, 3, 5)}


def test_portfolio_when_one_entry_is_refused_then_the_accounts_others_go_with_it() -> None:
    both = (script({2: 4.0, 4: 5.0, 5: 1.0}), script({4: 2.0}), script({4: 5.0}))
    run = together([BUYER, OTHER], both)
    # b wants S00 (held by a), S01 (a is before it) and S02 (free) at one close
    (refusal,) = run.refused
    assert (refusal.account, refusal.symbol) == ("b", A)
    assert refusal.withdrawn == ("S00-USDT", "S01-USDT", "S02-USDT")
    assert run.report.withdrawn == 3
    assert places(run, "b") == []
    assert [trade[:3] for trade in places(run, "a")] == [(A, 1, 3), (B, 1, 5)]


def test_portfolio_when_an_entry_is_refused_then_exits_of_its_account_go_on() -> None:
    held = script({2: 5.0, 5: 6.0})  # b long, then reversed
    wanted = script({3: 4.0, 5: 5.0})  # a long; b wants it at the close at which it reverses
    run = together([BUYER, OTHER], (wanted, held))
    (refusal,) = run.refused
    assert (refusal.account, refusal.symbol, refusal.at) == ("b", A, after(6))
    assert refusal.withdrawn == (A, B)
    assert places(run, "b") == [(B, 1, 3, 6, "reverse")]  # left in time; not entered again


def test_portfolio_when_a_symbol_has_no_bar_then_its_refused_entry_never_fills() -> None:
    late = np.delete(script({2: 2.0, 8: 5.0}, 30), [3, 4, 5])
    free = script({4: 5.0, 6: 5.0, 9: 1.0, 15: 5.0}, 30)
    run = together([BUYER, OTHER], (late, free))
    assert [(r.account, r.symbol) for r in run.refused][:1] == [("b", A)]
    # until S00's next bar (6) entries of b stay off: only what turns afterwards is entered
    assert [trade[:3] for trade in places(run, "b") if trade[0] == B] == [(B, 1, 16)]
    assert all(trade[2] > 6 for trade in places(run, "b"))
    assert Slow([BUYER, OTHER], (late, free)).run().refused == told(run.refused)


def test_portfolio_when_limits_are_off_then_nothing_is_judged_and_that_is_said() -> None:
    free = replace(effective(), enforced=False)
    run = together([BUYER, OTHER], (script({3: 2.0}), script({})), free)
    assert run.refused == ()
    assert len(places(run, "a")) == len(places(run, "b")) == 1
    assert "RISK_CORRELATED" in run.report.unjudged


# That it is what the rules say, however it is computed


@pytest.mark.parametrize(("symbols", "share"), [(2, 0.9), (3, 0.98)])
def test_portfolio_when_compared_with_a_slow_simulation_then_all_is_the_same(
    symbols: int, share: float
) -> None:
    stretch = stretch_of(2_500, symbols, seed=7, share=share)
    slow = Slow(CROSSES, stretch).run()
    run = together(CROSSES, stretch)
    assert told(run.refused) == slow.refused
    assert len(slow.refused) >= 20
    for account in run.report.accounts:
        name = account.report.strategy
        assert account.report.trades_digest == slow.tapes[name].digest()
        assert account.report.state_digest == slow.runners[name].digest(0)
    assert overlaps(run) == []


@pytest.mark.parametrize("symbols", [1, 2])
def test_portfolio_when_blocks_are_cut_otherwise_then_nothing_changes(symbols: int) -> None:
    stretch = stretch_of(1_500, symbols, seed=3, share=0.95)
    whole = together(CROSSES, stretch, block=4_096)
    assert len(whole.refused) >= 10
    for block in (1, 7, 256):
        cut = together(CROSSES, stretch, block=block)
        assert cut.refused == whole.refused
        assert cut.trades == whole.trades
        assert cut.report.trades_digest == whole.report.trades_digest
        assert cut.report.figures == whole.report.figures
        for ours, theirs in zip(cut.report.accounts, whole.report.accounts, strict=True):
            assert ours.report.state_digest == theirs.report.state_digest


@pytest.mark.parametrize("backend", ["lanes", "opencl"])
def test_portfolio_when_on_another_backend_then_nothing_changes(backend: str) -> None:
    if backend == "opencl":
        wants("opencl")
    stretch = stretch_of(600, 2, seed=5)
    ours = together(CROSSES[:2], stretch)
    theirs = together(CROSSES[:2], stretch, backend=backend)
    assert len(ours.refused) >= 1
    assert theirs.refused == ours.refused
    assert theirs.trades == ours.trades


def test_portfolio_when_no_one_is_in_the_way_then_every_account_trades_as_if_alone() -> None:
    stretch = stretch_of(2_000, 2)
    ours = together([CROSSES[0]], stretch)
    market = MemoryMarket(stretch)
    instruments = [instrument_of(f"S{n:02}-USDT") for n in range(2)]
    request = Request(parameters={}, sleeve="B")
    alone = run_market(CROSSES[0], market, instruments, effective(), request)
    assert ours.refused == ()
    (account,) = ours.report.accounts
    assert account.report.trades_digest == alone.report.trades_digest
    assert account.report.state_digest == alone.report.state_digest
    assert ours.report.figures.curve == alone.report.figures.curve
    assert ours.report.figures.trades == alone.report.figures.trades


def test_portfolio_when_told_then_accounts_add_up_to_it() -> None:
    run = together(CROSSES, stretch_of(3_000, 2), regimes=True)
    report = run.report
    alone = [account.report for account in report.accounts]
    assert [each.strategy for each in alone] == sorted(program.name for program in CROSSES)
    assert report.capital == sum(each.capital for each in alone)
    assert report.metrics.trades == sum(each.metrics.trades for each in alone)
    for name in ("net_profit", "fees", "slippage", "funding"):
        assert getattr(report.metrics, name) == sum(getattr(each.metrics, name) for each in alone)
    ends = [each.marks.equity[-1] for each in run.runs]
    assert run.marks.equity[-1] == sum(ends)
    assert run.marks.equity[0] == 4 * 17_000e8
    assert len(run.marks.at) >= 3_000 // 60
    exits = [trade.exit_at for trade in run.trades]
    assert exits == sorted(exits)
    groups = report.figures.breakdowns["strategy"]
    assert {group.key: group.net for group in groups} == {
        each.strategy: each.metrics.net_profit for each in alone
    }
    for trade, left in zip(run.trades, run.left_in.tolist(), strict=True):
        assert left in (trade.exit_at, trade.exit_at - MINUTE)
    assert {trade.regime for trade in run.trades} >= {"ranging"}


def test_portfolio_when_a_strategy_comes_twice_then_is_refused() -> None:
    with pytest.raises(StrategyTwice, match="'a' was named twice"):
        together([BUYER, BUYER], (script({}),))


# As a user meets it


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("candles")
    for n, symbol in enumerate(("BTC-USDT", "ETH-USDT")):
        write_bars(directory, f"binance_{symbol}_1m.parquet", made_bars(6_000, seed=5 + n))
    for name, program in (("usual", SOURCE), ("brisk", SOURCE.replace("param(5,", "param(3,"))):
        (directory / f"{name}.py").write_text(program)
    return directory


def ask(candles: Path, *more: object, files: Sequence[str] = ("usual", "brisk")) -> Any:
    where = ("--data", candles, "--venue", "binance", "--symbol", "BTC/USDT")
    words = ("backtest", *(candles / f"{name}.py" for name in files), *where, *more)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_command_when_a_portfolio_is_asked_for_then_tells_all_and_each(candles: Path) -> None:
    both = ("--portfolio", "--symbol", "ETH/USDT")
    done = ask(candles, *both, "--json", "--trades", "--report", candles / "out.html")
    assert done.exit_code == 0, done.exception
    content = json.loads(done.stdout)
    assert content["strategies"] == ["brisk", "usual"]
    assert content["unjudged"] == ["RISK_SPREAD"]
    assert content["bars"] == 12_000
    assert sum(content["joint_refusals"].values()) == len(content["refused"]) >= 1
    assert len(content["trades"]) == content["metrics"]["trades"]
    assert {trade["strategy"] for trade in content["trades"]} == {"brisk", "usual"}
    each = [account["metrics"]["trades"] for account in content["accounts"]]
    assert sum(each) == content["metrics"]["trades"]
    text = (candles / "out.html").read_text()
    seen = read(text)
    words = " ".join(seen.words)
    for said in (
        "2 strategies on BTC-USDT, ETH-USDT",
        "Not judged: spread, because bars hold no bid and no ask.",
        "Refused across accounts",
        "17,000 quote each, 34,000 together",
    ):
        assert said in words, said
    assert [a["value"] for tag, a in seen.seen if tag == "option"] == ["0", "1"]
    shown = ask(candles, *both).stdout
    for said in ("not judged: RISK_SPREAD", "bars hold no bid and no ask", "refused across"):
        assert said in shown, said


def test_command_when_what_is_asked_does_not_go_together_then_says_so(candles: Path) -> None:
    several = ask(candles)
    assert isinstance(several.exception, OptionInvalid)
    assert "strategy files were 2, must be 1, or --portfolio said" in str(several.exception)
    params = ask(candles, "--portfolio", "--param", "fast=4")
    assert isinstance(params.exception, OptionInvalid)
    assert "each strategy trades at its own defaults" in str(params.exception)


def recorded(directory: Path) -> tuple[Market, tuple[int, int]]:
    start, end = 1_740_787_200_000, 1_742_601_600_000  # three weeks of March 2025
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
    feeds = [open_recorded(directory, "binance", name, "5m", start, end) for name in names]
    return Market(feeds), (start, end)


def test_portfolio_when_recorded_bars_are_traded_then_no_two_hold_one_direction(
    real_data: Path,
) -> None:
    programs: list[Program] = [*map(program_of, STRATEGIES), crossing("cross", 5, 15)]
    digests = set()
    for block in (256, 4_096):
        market, (start, end) = recorded(real_data)
        request = Request(parameters={}, sleeve="B", start=start, end=end)
        instruments = market.describe().instruments
        run = run_portfolio(programs, market, instruments, effective(), request, block=block)
        market.close()
        digests.add(run.report.trades_digest)
    assert len(digests) == 1
    assert len(run.refused) >= 50
    assert overlaps(run) == []
    assert run.report.bars == 4 * 21 * 288
