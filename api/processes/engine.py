"""The engine process: the only appender of its home.

It takes the home lock, opens log, journal and trader, finishes what a crash left undone, and then
runs the engine loop until told to stop. Whatever ends it, the last thing it says is one line.
"""

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack

import structlog

from api import bootstrap
from api.authors import named
from api.errors import FAILED, explain
from api.feed_choice import ChosenFeed, choose_feed
from api.home_log import open_log
from api.improving import (
    answers_hold,
    holdout_journal,
    improving,
    policy_of,
    sealed,
    sealed_bars,
)
from api.processes.child import Reports, stop_on_signals, stop_when_orphaned
from api.processes.command_socket import CommandServer
from api.processes.home import Home
from api.processes.lock import HomeLock
from api.processes.options import RunOptions
from api.processes.wire import Broken, Chosen, Finished, Started
from api.regimes import classifying
from api.strategy_files import adaptive_files, strategy_sources
from api.venue_costs import at_costs_of
from application.engine import Engine, Inbox
from application.improvement.model.spending import Spending
from infrastructure.clock import SystemClock
from infrastructure.llm.ledger import Ledger
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
        sources = strategy_sources(files_of(options))  # refused before a home is made for them
        profile = None if options.venue_costs is None else profile_of(options.venue_costs)
        chosen = choose_feed(options, settings)
        open_things.callback(chosen.feed.close)
        chosen = at_costs_of(chosen, profile)
        if options.regimes == "llm":
            named(settings.llm)
        policy = policy_of(options, settings, chosen)
        chosen = sealed(chosen, policy)
        home = Home(chosen.home)
        home.create()
        open_things.enter_context(HomeLock.acquire(home.lock, options.command))
        configure_from(settings, "engine", home.logs / "engine.log")
        announced = announcement(chosen, home)
        reports.send(announced)
        structlog.get_logger("engine").info("engine started", **plain(announced))
        log = open_log(home)
        open_things.callback(log.close)
        spending = Spending(log, Ledger(home.calls))
        improver = improving(policy, settings, chosen, log, spending, stop.is_set)
        held = answers_hold(chosen)
        classifier = classifying(options.regimes, settings, log, spending, stop.is_set, holds=held)
        holdout = None
        if policy is not None and policy.holdout_from is not None:
            holdout = holdout_journal(home.directory, chosen)
            open_things.callback(holdout.close)
        opened = bootstrap.open_trader(
            home, log, chosen.feed, sources, stop, improver, holdout, classifier
        )
        if opened is None:  # told to stop first
            return
        trader = opened.trader
        open_things.callback(opened.journal.close)
        open_things.callback(trader.close)
        inbox = Inbox()
        engine = Engine(
            trader,
            chosen.feed,
            inbox,
            clock.monotonic,
            position=log.head(),
            at_end=None if holdout is None else lambda: trader.unseal(sealed_bars(chosen)),
        )
        server = CommandServer(home.socket, inbox, lambda: engine.progress)
        open_things.callback(server.close)
        reports.send(
            Started(
                pid=os.getpid(),
                home=str(home.directory),
                position=log.head(),
                last_bar=trader.last_bar,
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


def files_of(options: RunOptions) -> Sequence[str]:
    """Name the strategy files of a run; nothing: all that are shipped."""
    return options.strategies or (adaptive_files() if options.improve else ())


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
