"""`status`, `strategies`, `trades`, `positions`: the read models, with or without an engine."""

from typing import Annotated, Any

import typer

from api.cli.context import (
    HomeOption,
    JsonOption,
    print_fields,
    print_json,
    print_rows,
    shown,
)

SHOWN = 50  # rows of a table, where no limit is asked for

StrategyOption = Annotated[str | None, typer.Option("--strategy", help="Of this strategy only.")]
VersionOption = Annotated[str | None, typer.Option("--version", help="Of this version only.")]
SleeveOption = Annotated[str | None, typer.Option("--sleeve", help="A (1×) or B (8×).")]
ModeOption = Annotated[str | None, typer.Option("--mode", help="paper or live.")]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", min=1, help=f"The newest so many; all as JSON, {SHOWN} in a table."),
]

STRATEGY_COLUMNS = ("id", "version", "status", "mode", "live_version", "reason")
PERFORMANCE_COLUMNS = (
    "strategy", "version", "mode", "sleeve", "status", "trades", "win_rate", "win_rate_low",
    "profit_factor", "net", "max_drawdown", "equity", "open_pnl",
)  # fmt: skip
TRADE_COLUMNS = (
    "strategy", "version", "mode", "sleeve", "symbol", "side", "quantity", "entry_price",
    "exit_price", "gross", "fees", "slippage", "funding", "net", "reason", "tag", "exit_at",
)  # fmt: skip
POSITION_COLUMNS = (
    "strategy", "version", "mode", "sleeve", "symbol", "side", "quantity", "entry_price", "stop",
    "target", "mark_price", "open_pnl",
)  # fmt: skip


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (status, strategies, trades, positions):
        app.command()(command)


def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """What the home trades, how far it is, and whether an engine runs."""
    from msgspec import to_builtins

    from api.cli.reading import reading
    from api.processes.command_socket import SocketEngineClient
    from application.engine_port import EngineUnavailable

    with reading(home) as (found, queries):
        content = {"home": str(found.directory), **to_builtins(queries.status())}
    try:
        content["engine"] = to_builtins(SocketEngineClient(found.socket, timeout=2).progress())
    except EngineUnavailable:
        content["engine"] = None
    if json:
        print_json(content)
    else:
        print_fields({**content, "engine": engine_line(content["engine"])})


def strategies(home: HomeOption = None, json: JsonOption = False) -> None:
    """Every strategy, its champion, and how each of its accounts does."""
    from api.cli.reading import reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        found = queries.strategies()
        accounts = queries.performance()
    if json:
        print_json(
            [
                plain_item(strategy)
                | {"performance": [plain_item(a) for a in accounts if a.strategy == strategy.id]}
                for strategy in found
            ]
        )
    else:
        print_rows(found, STRATEGY_COLUMNS)
        print_rows(accounts, PERFORMANCE_COLUMNS)


def trades(
    strategy: StrategyOption = None,
    version: VersionOption = None,
    sleeve: SleeveOption = None,
    mode: ModeOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Closed trades, oldest first."""
    from api.cli.reading import known, newest, reading
    from projections.models import plain_item
    from projections.paging import Scope

    scope = Scope(strategy=strategy, version=version, sleeve=sleeve, mode=mode)
    with reading(home) as (_, queries):
        known(queries, strategy)
        found = newest(lambda paging: queries.trades(scope, paging), wanted(limit, json))
    if json:
        print_json([plain_item(trade) for trade in found])
    else:
        print_rows(found, TRADE_COLUMNS)


def positions(
    strategy: StrategyOption = None,
    sleeve: SleeveOption = None,
    mode: ModeOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """What is held now, at the last mark."""
    from api.cli.reading import known, newest, reading
    from projections.models import plain_item
    from projections.paging import Scope

    scope = Scope(strategy=strategy, sleeve=sleeve, mode=mode)
    with reading(home) as (_, queries):
        known(queries, strategy)
        found = newest(lambda paging: queries.positions(scope, "open", paging), wanted(limit, json))
    if json:
        print_json([plain_item(position) for position in found])
    else:
        print_rows(found, POSITION_COLUMNS)


def wanted(limit: int | None, json: bool) -> int | None:
    return SHOWN if limit is None and not json else limit


def engine_line(progress: "dict[str, Any] | None") -> str:
    if progress is None:
        return "not running"
    last = shown(progress["last_bar"], "last_bar")
    return f"{progress['state']}, last bar {last}, {progress['bars']:,} bars this run"
