"""The engine process: the only appender of its home.

It takes the home lock, opens log, journal and trader, finishes what a crash left undone, and then
runs the engine loop until told to stop. Whatever ends it, the last thing it says is one line.
"""

import os
import threading
from contextlib import ExitStack

import structlog

from api import bootstrap
from api.errors import FAILED, explain
from api.feed_choice import ChosenFeed, choose_feed
from api.home_log import open_log
from api.processes.child import Reports, stop_on_signals, stop_when_orphaned
from api.processes.command_socket import CommandServer
from api.processes.home import Home
from api.processes.lock import HomeLock
from api.processes.options import RunOptions
from api.processes.wire import Broken, Chosen, Finished, Started
from api.strategy_files import strategy_sources
from api.venue_costs import at_costs_of
from application.engine import Engine, Inbox
from infrastructure.clock import SystemClock
from infrastructure.logging import configure_from
from infrastructure.settings import Settings
from infrastructure.venue_table import profile_of
from projections.models import plain


def run(options: RunOptions, settings: Settings) -> int:
    """Trade until stopped; return the exit status. Reports go to standard output."""
    stop = stop_on_signals()
    stop_when_orphaned(stop)
    reports = Reports()
    try:
        trade(options, settings, reports, stop)
    except Exception as error:
        message = explain(error)
        structlog.get_logger("engine").error("engine stopped", reason=message)
        reports.send(Broken(message))
        return FAILED
    return 0


def trade(options: RunOptions, settings: Settings, reports: Reports, stop: threading.Event) -> None:
    clock = SystemClock()
    with ExitStack() as open_things:
        sources = strategy_sources(options.strategies)  # refused before a home is made for them
        profile = None if options.venue_costs is None else profile_of(options.venue_costs)
        chosen = choose_feed(options, settings)
        open_things.callback(chosen.feed.close)
        chosen = at_costs_of(chosen, profile)
        home = Home(chosen.home)
        home.create()
        open_things.enter_context(HomeLock.acquire(home.lock, options.command))
        configure_from(settings, "engine", home.logs / "engine.log")
        announced = announcement(chosen, home)
        reports.send(announced)
        structlog.get_logger("engine").info("engine started", **plain(announced))
        log = open_log(home)
        open_things.callback(log.close)
        opened = bootstrap.open_trader(home, log, chosen.feed, sources, stop)
        if opened is None:  # told to stop first
            return
        open_things.callback(opened.journal.close)
        inbox = Inbox()
        engine = Engine(opened.trader, chosen.feed, inbox, clock.monotonic, position=log.head())
        server = CommandServer(home.socket, inbox, lambda: engine.progress)
        open_things.callback(server.close)
        reports.send(
            Started(
                pid=os.getpid(),
                home=str(home.directory),
                position=log.head(),
                last_bar=opened.trader.last_bar,
                notices=opened.notices,
            )
        )
        began = clock.monotonic()
        progress = engine.run(stop, until_end=options.until_end)
        structlog.get_logger("engine").info(
            "engine stopped", state=progress.state, bars=progress.bars, position=progress.position
        )
        if progress.state == "finished":
            reports.send(
                Finished(
                    position=progress.position,
                    bars=progress.bars,
                    seconds=round(clock.monotonic() - began, 3),
                    last_bar=progress.last_bar,
                )
            )


def announcement(chosen: ChosenFeed, home: Home) -> Chosen:
    description = chosen.feed.describe()
    return Chosen(
        feed=description.feed,
        reason=chosen.reason,
        home=str(home.directory),
        venue=description.venue,
        symbols=tuple(instrument.symbol for instrument in description.instruments),
        timeframe=description.timeframe,
        total=description.total,
    )
