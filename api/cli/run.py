"""`perpetua run` and `perpetua serve`, and the two processes behind them."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import HomeOption, JsonOption, settings_of, used_home
from api.cli.venues import VenueCostsOption
from api.processes.options import FeedChoice
from domain.improvement import AuthorKind
from domain.regime import Layer

PortOption = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="The API's; 0: any free one. 8000 or the next free one."),
]


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(run)
    app.command()(serve)
    app.command("_engine", hidden=True)(engine)
    app.command("_reader", hidden=True)(reader)


def run(
    strategies: Annotated[
        list[str] | None,
        typer.Option("--strategies", help="A strategy file or a directory of them; repeatable."),
    ] = None,
    feed: Annotated[FeedChoice, typer.Option(help="Which market to trade.")] = "auto",
    data: Annotated[
        str | None, typer.Option(help="Directory of recorded candles; PERPETUA_DATA.")
    ] = None,
    venue: Annotated[str | None, typer.Option(help="E.g. binance.")] = None,
    venue_costs: VenueCostsOption = None,
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbol", help="E.g. BTC/USDT; repeatable, for accounts on several."),
    ] = None,
    timeframe: Annotated[str | None, typer.Option(help="Of the base bars, e.g. 1m.")] = None,
    speed: Annotated[str, typer.Option(help="max, or times real time.")] = "max",
    seed: Annotated[int, typer.Option(help="Of synthetic bars.")] = 1,
    bars: Annotated[int | None, typer.Option(min=1, help="How many synthetic bars.")] = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Exit once the feed has ended and all is projected.")
    ] = False,
    improve: Annotated[
        bool,
        typer.Option("--improve", help="Study losses, test better versions, trade what holds."),
    ] = False,
    author: Annotated[
        AuthorKind | None, typer.Option(help="Who writes versions; search, unless said.")
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(min=1, max=64, help="Asked for at every look; 16, unless said.")
    ] = None,
    improve_seed: Annotated[int | None, typer.Option(min=0, help="Of the search.")] = None,
    auto_promote: Annotated[
        bool | None,
        typer.Option(
            "--auto-promote/--ask-to-promote", help="Let what passes the gate go live by itself."
        ),
    ] = None,
    regimes: Annotated[
        Layer | None,
        typer.Option(help="Who classifies markets every 2 h; kernel: nobody, unless said."),
    ] = None,
    port: PortOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Trade strategies on paper, and serve what they do."""
    from api.processes.options import RunOptions
    from api.processes.screen import open_screen
    from api.processes.supervisor import Supervisor
    from infrastructure.feeds.paced import parse_speed

    settings = settings_of("run")
    options = RunOptions(
        feed=feed,
        home=str(home) if home is not None else None,
        data=data,
        venue=venue,
        venue_costs=venue_costs,
        symbols=tuple(symbols or ()),
        timeframe=timeframe,
        speed=parse_speed(speed),
        seed=seed,
        bars=bars,
        strategies=tuple(strategies or ()),
        until_end=until_end,
        improve=improve,
        author=author,
        candidates=candidates,
        improve_seed=improve_seed,
        auto_promote=auto_promote,
        regimes=regimes,
        command=shlex.join(["perpetua", *sys.argv[1:]]),
    )
    Supervisor(options, port if port is not None else settings.port, open_screen(json)).run()


def serve(port: PortOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Serve a home without trading; commands reach its engine if one runs, else are refused."""
    from api.processes import reader as process
    from api.processes.child import stop_on_signals
    from api.processes.screen import open_screen

    settings = settings_of("serve")
    found = used_home(home, settings)
    process.serve(found, settings, port, open_screen(json).serving, stop_on_signals())


def engine(options: Annotated[str, typer.Argument()]) -> None:
    """The engine process of `perpetua run`."""
    import msgspec

    from api.processes import engine as process
    from api.processes.options import RunOptions
    from infrastructure.settings import load

    raise typer.Exit(process.run(msgspec.json.decode(options, type=RunOptions), load(os.environ)))


def reader(
    home: Annotated[Path, typer.Option("--home")],
    port: PortOption = None,
) -> None:
    """The reader process of `perpetua run`."""
    from api.processes import reader as process
    from api.processes.home import Home
    from infrastructure.settings import load

    raise typer.Exit(process.run(Home(home), load(os.environ), port))
