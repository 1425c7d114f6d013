"""Paper is the backtest, bar by bar: shown by a reader that shares no code with the engine.

The trades are read from the log with sqlite3, json and decimal alone, laid out as twelve 64-bit
integers each, and hashed; `perpetua backtest` must print the same digest for the same bars.
"""

import hashlib
import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import answer, perpetua
from tests.kernel_runs import STRATEGIES

INTENTS = (
    *("entry", "stop", "target", "time_limit", "reverse", "liquidation", "operator"),
    *("target_2", "target_3", "trail", "soft_time"),
)
MONEY = ("gross", "fees", "slippage", "funding", "net")
TICK, LOT, UNIT = Decimal("0.01"), Decimal("0.00001"), Decimal("0.00000001")
MADE, RECORDED = "made", "recorded"


def closed(home: Path, account: str) -> Iterator[dict[str, Any]]:
    uri = f"file:{home / 'log.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as log:
        wanted = "SELECT state FROM events WHERE stream_id = ? AND topic = ? ORDER BY version"
        fill = "SELECT state FROM events WHERE stream_id = ? AND version = ?"
        for (state,) in log.execute(wanted, (account, "portfolio.position_closed/1")):
            trade = json.loads(state)
            # it is told for the fill that closed it: the last of its parts
            version = int(trade["causation_id"].rsplit("@", 1)[1])
            ((last,),) = log.execute(fill, (account, version)).fetchall()
            yield trade | {"last_price": json.loads(last)["price"]}


def whole(figure: str, step: Decimal) -> int:
    count = Decimal(figure) / step
    assert count == int(count)
    return int(count)


def digest(trades: Iterator[dict[str, Any]]) -> tuple[int, str]:
    count, hashed = 0, hashlib.sha256()
    for trade in trades:
        gross, fees, slippage, funding, net = (whole(trade[name], UNIT) for name in MONEY)
        assert gross - fees - slippage - funding == net
        hashed.update(
            struct.pack(
                "<12q",
                trade["entry_at"],
                trade["exit_at"],
                1 if trade["side"] == "long" else -1,
                whole(trade["quantity"], LOT),
                whole(trade["entry_price"], TICK),
                whole(trade["last_price"], TICK),
                *(gross, fees, slippage, funding, net),
                INTENTS.index(trade["reason"]),
            )
        )
        count += 1
    return count, hashed.hexdigest()


def run(home: Path, data: Path) -> Path:
    done = perpetua(
        *("run", "--json", "--feed", "recorded", "--data", str(data), "--venue", "binance"),
        *("--symbol", "BTC/USDT", "--speed", "max", "--until-end", "--port", "0"),
        *("--home", str(home)),
    )
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="session")
def traded_made(candles: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return run(tmp_path_factory.mktemp("paper") / "made", candles), candles


@pytest.fixture(scope="session")
def traded_recorded(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return run(tmp_path_factory.mktemp("paper") / "recorded", real_data), real_data


@pytest.fixture(params=[MADE, RECORDED])
def traded(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A home that traded all there is, and the candles it traded."""
    found: tuple[Path, Path] = request.getfixturevalue(f"traded_{request.param}")
    return found


@pytest.mark.parametrize("sleeve", ["A", "B"])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda path: path.stem)
def test_log_when_read_by_other_code_then_its_trades_are_those_of_the_backtest(
    traded: tuple[Path, Path], strategy: Path, sleeve: str
) -> None:
    home, data = traded
    report = answer(
        *("backtest", str(strategy), "--data", str(data), "--venue", "binance"),
        *("--symbol", "BTC/USDT", "--sleeve", sleeve),
    )
    account = f"portfolio/paper/{strategy.stem}/v1/{sleeve}"
    count, found = digest(closed(home, account))
    assert count == report["metrics"]["trades"] >= 5
    assert found == report["trades_digest"]


def test_views_when_a_run_has_ended_then_every_trade_of_the_log_is_there(
    traded: tuple[Path, Path],
) -> None:
    home, _ = traded
    for strategy in STRATEGIES:
        count, _ = digest(closed(home, f"portfolio/paper/{strategy.stem}/v1/B"))
        query = ("--strategy", strategy.stem, "--sleeve", "B", "--limit", "1000000")
        listed = answer("trades", *query, "--home", str(home))
        assert len(listed) == count


def test_run_when_it_traded_two_years_then_every_bar_is_sealed_and_the_chain_holds(
    traded_recorded: tuple[Path, Path],
) -> None:
    home, _ = traded_recorded
    uri = f"file:{home / 'log.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as log:
        seals = log.execute("SELECT state FROM events WHERE topic = 'market.bars_sealed/1'")
        rows = [json.loads(state)["rows"] for (state,) in seals]
    assert (len(rows), sum(rows)) == (730, 1_051_200)
    assert answer("audit", "verify", "--home", str(home))["ok"] is True
