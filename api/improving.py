"""How a run improves its strategies: what was asked for, or what its home was begun with.

A home that improves goes on under the policy in its log, asked for or not; options of this run take
the place of single words of it. Where its sealed bars begin is decided once and never moves.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from api.authors import author_of, named
from api.bootstrap import HOLDOUT
from api.feed_choice import ChosenFeed
from api.home_log import improved_by, opened_with
from api.processes.home import Home
from api.processes.options import RunOptions
from application.improvement.model.spending import Spending
from application.ports import LogReader, Stretch
from application.trading import Improving
from domain.improvement import Policy
from domain.timeframe import DAY
from infrastructure.feeds.sealed import SealedMarket
from infrastructure.home_journal import HomeJournal, open_journal
from infrastructure.settings import Settings

OPEN_SHARE = 0.8  # of a recorded market, by time: the rest is sealed


class NotImproving(ValueError):
    """A run that improves nothing was told how to."""


class TooLate(ValueError):
    """The home has traded bars that improving would have sealed."""


def policy_of(options: RunOptions, settings: Settings, chosen: ChosenFeed) -> Policy | None:
    """Give the policy of a run; None where nothing is improved.

    Raises `TooLate`, `NotImproving`; `SettingInvalid` where a model is to write and none is set.
    """
    home = Home(chosen.home)
    held = improved_by(home)
    if held is None and not options.improve:
        refuse_idle(options)
        return None
    policy = held or Policy(holdout_from=seal_of(chosen))
    if held is None:
        refuse_seen(home, policy.holdout_from)
    asked = {
        "author": options.author,
        "candidates": options.candidates,
        "seed": options.improve_seed,
        "auto_promote": options.auto_promote,
    }
    policy = replace(policy, **{name: said for name, said in asked.items() if said is not None})
    if policy.author == "llm":
        named(settings.llm)  # refused before a home is made for it
        return replace(policy, knows_until=settings.llm.cutoff)
    return replace(policy, knows_until=None)


def refuse_idle(options: RunOptions) -> None:
    """Raise `NotImproving` where a word of a policy was asked for, and nothing is improved."""
    for word in ("author", "candidates", "improve_seed", "auto_promote"):
        if (said := getattr(options, word)) is not None:
            name = word.replace("_", "-")
            raise NotImproving(f"{name} was {said!r}, must come with --improve in a new home")


def seal_of(chosen: ChosenFeed) -> int | None:
    """Give the midnight (ms) at which the last fifth of a recorded market begins."""
    if chosen.recorded is None:
        return None
    first, last = chosen.recorded.span
    return int(first + OPEN_SHARE * (last - first)) // DAY * DAY


def refuse_seen(home: Home, seal: int | None) -> None:
    opened = opened_with(home)
    if seal is None or opened.version == 0:
        return
    symbols = [instrument.symbol for instrument in opened.instruments]
    journal = open_journal(home.directory, symbols, read_only=True)
    try:
        last = journal.last()
    finally:
        journal.close()
    if last is not None and last >= seal:
        raise TooLate(
            f"home {home.directory} traded bars up to {last}, must not have traded those from "
            f"{seal} on, which are sealed where strategies are improved: begin another home"
        )


def sealed(chosen: ChosenFeed, policy: Policy | None) -> ChosenFeed:
    """Seal a market's end where a policy says so."""
    if policy is None or policy.holdout_from is None:
        return chosen
    if chosen.recorded is None:
        return chosen
    market = SealedMarket(chosen.feed, policy.holdout_from, chosen.recorded.feed)
    return replace(chosen, feed=market)


def improving(
    policy: Policy | None,
    settings: Settings,
    chosen: ChosenFeed,
    log: LogReader,
    spending: Spending,
    stopped: Callable[[], bool],
) -> Improving | None:
    """Put together who improves strategies, and whether the feed waits for it."""
    if policy is None:
        return None
    author = author_of(policy.author, settings, log, spending, stopped)
    return Improving(policy, author, answers_hold(chosen))


def answers_hold(chosen: ChosenFeed) -> bool:
    """Tell whether the feed of a run waits for answers: time is the market's on live bars alone."""
    return chosen.feed.describe().feed != "live"


def holdout_journal(home: Path, chosen: ChosenFeed) -> HomeJournal:
    """Open the journal of the sealed bars. Raises `JournalError`."""
    symbols = [instrument.symbol for instrument in chosen.feed.describe().instruments]
    return open_journal(home / HOLDOUT, symbols)


def sealed_bars(chosen: ChosenFeed) -> Iterator[Stretch]:
    """Give the sealed bars of a run, none where it has none."""
    if isinstance(chosen.feed, SealedMarket):
        yield from chosen.feed.sealed()
