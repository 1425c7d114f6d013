"""A home that improves: a market with a planted edge, authors that write what a test says.

For four hours of eight the market swings up and down by about half a hundredth: to fade a swing
earns money, to follow it loses some. The seed strategy follows the largest swings; a candidate that
fades them all is known to win, and to pass the gate.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from threading import Event as Signal
from typing import Any

import numpy as np
from msgspec.structs import replace

from application.engine_port import Command, CommandReply
from application.improvement.authoring import Answer, Author, Bench, Brief, Call, Candidate
from application.ports import BAR, Bars, FeedDescription, Stretch
from application.replay import Reproduction, reproduce
from application.trading import Improving, StrategySource, Trader
from application.trading.kernel import EngineKernel, Kernel
from domain.event import Event
from domain.improvement import Policy
from domain.instrument import Instrument
from tests.fakes import MemoryLog
from tests.trading_fakes import DAY, INSTRUMENT, START, MemoryJournal
from tests.trading_homes import Home

HOUR = 3_600_000
PATIENCE = 60.0  # seconds that a thread is waited for
CHEAP = replace(INSTRUMENT, slippage=Decimal("0.0001"))
LOOK = 21  # days before the first look: fewer, and nothing can be told of overfitting
SMALL = Policy(candidates=3, trades=1, bars=1, least_days=LOOK, growth=Decimal("0.25"))
AGAIN = 27  # days before the second look
FOLLOW, FADE = 0.5, -0.5
BACK = (1, -1, 1, -1, 0, 0, 0, 0)  # swings that turn back at once
MOSTLY_BACK = (1, -1, 1, -1, 1, -1, 0, 0)
ON = (1, 1, 0, 0, -1, -1, 0, 0)  # and such as go on

SWING = '''"""Go with a bar, or against it."""

from kernels.language import *

timeframe("1h")
lean = param(0.5, -1.0, 1.0)  # above 0 with the bar, below against it
least = param(0.0055, 0.001, 0.05)  # of a bar that counts, fraction of price
reach = param(0.05, 0.01, 0.2)  # stop, fraction of price
hold = param(1, 1, 4)  # bars

move = close - open
stirred = abs(move) > least * close


def entry():
    if stirred and lean * move > 0:
        return long(tag="up", confidence=0.6)
    if stirred and lean * move < 0:
        return short(tag="down", confidence=0.6)
    return FLAT


def exits():
    return plan(stop=reach * position.entry_price, max_bars=hold)
'''
SEED = StrategySource("swing", SWING)
OTHER = StrategySource("other", SWING)


def swings(
    days: int,
    seed: int = 1,
    start: int = START,
    turns: Sequence[int] = BACK,
    size: float = 0.005,
    noise: float = 0.0005,
) -> Bars:
    """Hours that turn as told, over and over, each by about `size`, a fraction of the price."""
    count = days * 24
    chance = np.random.default_rng(seed)
    steps = np.resize(turns, count) * size + chance.normal(0, noise, count)
    level = 20_000 * np.exp(np.cumsum(steps))
    bars = np.zeros(count, BAR)
    bars["timestamp"] = start + HOUR * np.arange(count)
    bars["close"] = np.round(level, 2)
    bars["open"] = np.concatenate([[20_000.0], bars["close"][:-1]])
    bars["high"] = np.maximum(bars["open"], bars["close"]) + 1
    bars["low"] = np.minimum(bars["open"], bars["close"]) - 1
    bars["volume"] = chance.integers(50, 150, count)
    return bars


def joined(*parts: Bars) -> Bars:
    """Put stretches of bars behind one another, in time and in price."""
    made: list[Bars] = []
    for part in parts:
        bars = part.copy()
        if made:
            last = made[-1]
            bars["timestamp"] += int(last["timestamp"][-1]) + HOUR - int(bars["timestamp"][0])
            factor = float(last["close"][-1]) / float(bars["open"][0])
            for name in ("open", "high", "low", "close"):
                bars[name] = np.round(bars[name] * factor, 2)
        made.append(bars)
    return np.concatenate(made)


def written(
    lean: float = FADE,
    text: str = SWING,
    why: str = "Fade it.",
    least: float = 0.002,
    **more: float,
) -> Candidate:
    return Candidate(text=text, parameters={"lean": lean, "least": least, **more}, hypothesis=why)


def answered(*candidates: Candidate, scored: int = 0, **more: Any) -> Answer:
    return Answer(author="search", candidates=candidates, scored=scored, **more)


NOTHING = Answer(author="search", code="NOTHING", reason="nothing came to mind")
WIN = answered(written(), written(FOLLOW, hold=2), written(0.2, hold=4))


@dataclass
class ScriptedAuthor:
    """Answers each look of a strategy as its script says; what is not in it comes to nothing."""

    script: Mapping[int, Answer] = field(default_factory=dict)
    kind: Any = "search"
    heed: Callable[[Brief, Bench], None] = lambda brief, bench: None
    briefs: list[Brief] = field(default_factory=list)

    def write(self, brief: Brief, bench: Bench) -> Answer:
        self.briefs.append(brief)
        self.heed(brief, bench)
        return self.script.get(brief.number, NOTHING)


def described(
    instruments: Sequence[Instrument] = (CHEAP,), feed: str = "recorded"
) -> FeedDescription:
    return FeedDescription(
        feed=feed,
        venue="binance",
        timeframe="1h",
        data_digest="0" * 64,
        instruments=tuple(instruments),
    )


class ImprovingHome(Home):
    """A home whose strategies are improved."""

    def __init__(
        self,
        author: Author | None = None,
        policy: Policy = SMALL,
        *,
        sources: Sequence[StrategySource] = (SEED,),
        feed: str = "recorded",
        kernel: Kernel | None = None,
        holdout: MemoryJournal | None = None,
        instruments: Sequence[Instrument] = (CHEAP,),
        first_bar: int = START,
    ) -> None:
        self.author: Author = author or ScriptedAuthor({1: WIN})
        self.policy: Policy | None = policy
        self.holdout = holdout
        super().__init__(kernel, sources, None, described(instruments, feed), first_bar)

    def open(self, stopping: Callable[[], bool] = lambda: False) -> Trader:
        improving = None
        if self.policy is not None:
            holds = self.description.feed != "live"
            improving = Improving(self.policy, self.author, holds)
        self.trader = Trader.open(
            self.log,
            self.journal,
            self.description,
            self.sources,
            self.first_bar,
            limits=self.limits,
            kernel=self.kernel,
            stopping=stopping,
            improving=improving,
            holdout=self.holdout,
        )
        return self.trader

    def feed_all(self, stretch: Stretch, cuts: Iterable[int] = ()) -> None:
        """Feed several symbols' bars of the same hours, cut at hours from the first."""
        opens = stretch[0]["timestamp"]
        edges = [0, *sorted(cuts), len(opens)]
        for first, last in pairwise(edges):
            if first < last:
                self.trader.step(tuple(bars[first:last] for bars in stretch)).result()

    def left(self, bars: Bars) -> Bars:
        """Give the bars that were not fed yet."""
        last = self.trader.last_bar
        return bars if last is None else bars[bars["timestamp"] > last]

    def say(self, name: Any, command_id: str, strategy: str = "swing", **more: Any) -> CommandReply:
        return self.trader.execute(
            Command(
                name=name, strategy=strategy, actor="operator:ann", command_id=command_id, **more
            )
        )

    def copy(self) -> "ImprovingHome":
        """Give the home as a kill would leave it now, not opened yet."""
        other = object.__new__(ImprovingHome)
        other.__dict__.update(self.__dict__)
        other.log = copied(self.log)
        other.journal = MemoryJournal(*self.journal.stretch, symbols=self.journal.symbols)
        if self.holdout is not None:
            other.holdout = MemoryJournal(*self.holdout.stretch, symbols=self.holdout.symbols)
        return other

    def replay(self, **more: Any) -> Reproduction:
        """Recompute the whole log; no author is at hand."""
        return reproduce(
            self.log,
            self.journal,
            kernel=self.kernel or EngineKernel(),
            holdout=self.holdout,
            **more,
        )

    def assert_replays(self) -> None:
        """State that the log follows from its own inputs, to the last byte."""
        told = self.replay()
        assert told.first_difference is None, str(told.first_difference)
        assert told.count == self.log.head()

    def told(self, kind: type[Event], stream: str = "") -> list[Any]:
        return list(self.of(kind, stream))


def copied(log: MemoryLog) -> MemoryLog:
    other = MemoryLog([entry.event for entry in log.entries])
    other.blobs, other.saved = dict(log.blobs), deepcopy(log.saved)
    return other


def midnight(day: int) -> int:
    """Give the UTC midnight so many days after the first bar, ms."""
    return START + day * DAY


def called(prompt: str, response: str) -> Call:
    """Make up one call of a model."""
    return Call(
        purpose="recode",
        outcome="answered",
        model="small-1",
        temperature=0.2,
        seed=1,
        prompt=prompt.encode(),
        response=response.encode(),
        prompt_tokens=20,
        completion_tokens=10,
        cost=Decimal("0.0003"),
        latency_ms=900,
        called_at=START,
    )


class SlowAuthor(ScriptedAuthor):
    """An author that answers when it is told to, however many bars come meanwhile."""

    def __init__(self, script: Mapping[int, Answer]) -> None:
        super().__init__(script)
        self.asked, self.told = Signal(), Signal()

    def write(self, brief: Brief, bench: Bench) -> Answer:
        self.asked.set()
        assert self.told.wait(PATIENCE)
        return super().write(brief, bench)


def collected(home: ImprovingHome) -> None:
    """Tend a home until an answer that has been told to come was recorded."""
    until = time.monotonic() + PATIENCE
    while (done := home.trader.tend()) is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    done.result()
