"""The trader: bars in, durable events out, and nothing lost on the way.

Bars are in the journal before the step that uses them; a step's events and the checkpoint after it
commit together. So after any crash the log ends at a whole step, the journal holds at least its
bars, and the next opening takes the steps that the journal has and the log has not. An operator's
command is an INPUT event at once, effective from the next base bar, and is answered when it is
durable.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from application.engine_port import Command, CommandReply
from application.improvement.authoring import Author
from application.improvement.written import Written
from application.ports import (
    BarJournal,
    Batch,
    EventLog,
    FeedDescription,
    Stretch,
    moments,
)
from application.trading import inputs, replies
from application.trading.arriving import check
from application.trading.asking import AuthorsDesk
from application.trading.checkpoint import compiled, save
from application.trading.classified import Words, classified
from application.trading.classifying import Classifiers, Classifying
from application.trading.desk import Desk
from application.trading.kernel import EngineKernel, Kernel, Program
from application.trading.opening import (
    Aids,
    StrategySource,
    compile_all,
    open_home,
    refuse_lost_log,
    take_up,
)
from application.trading.ordering import order_of
from application.trading.rebuild import heed
from application.trading.recoding import given_up, recoded
from application.trading.reopening import reopen
from application.trading.stepping import advance, waiting
from application.trading.unsealing import unseal
from domain import home
from domain.errors import Forbidden
from domain.event import Event
from domain.ids import command_correlation
from domain.improvement import Policy
from domain.limits import Limits, effective
from domain.strategy.aggregate import Version

BLOCK = 1000  # moments in one transaction at most
CLOSING = 10.0  # s that an answer which has cost something is waited for at the end
THREADS = os.cpu_count() or 1  # that tests of candidates take: no bit depends on them

logger = logging.getLogger("perpetua.trading")


class Improving(Struct, frozen=True):
    """How a home's strategies are improved while it trades."""

    policy: Policy
    author: Author
    holds: bool  # whether an author's answer holds the feed: on recorded bars


class TraderFailed(RuntimeError):
    """An earlier step failed half way: what is in memory is no longer what the log says."""


class Trader:
    """Trades one home. One thread at a time."""

    def __init__(
        self,
        log: EventLog,
        journal: BarJournal,
        desk: Desk,
        aids: Aids,
    ) -> None:
        self._log = log
        self._journal = journal
        self._desk = desk
        self._authors, self._classifiers = aids.authors, aids.classifiers
        self._holdout = aids.holdout
        self._failure: BaseException | None = None
        self.notices: tuple[str, ...] = ()  # what an operator should know about this opening

    @classmethod
    def open(
        cls,
        log: EventLog,
        journal: BarJournal,
        description: FeedDescription,
        sources: Sequence[StrategySource],
        first_bar: int,
        limits: Limits | None = None,
        kernel: Kernel | None = None,
        stopping: Callable[[], bool] = lambda: False,
        improving: Improving | None = None,
        holdout: BarJournal | None = None,
        classifying: Classifying | None = None,
    ) -> "Trader":
        """Open a home, new or used, and take the steps that a crash left behind.

        A new home begins at `first_bar` (open, ms). A used home goes on with the versions, the grid
        and the costs that its log recorded: a new file is registered at the next bar, a changed
        file is noticed and not used. Raises `domain.home.WrongFeed` for another feed,
        `kernels.errors.StrategyError` for a file that does not compile, `NotReproducible` where log
        and kernel part, `LogLost` and `BarsLost` where log and journal do, `LogFailed`, and
        `OpeningStopped` once `stopping` says so, which it is asked between blocks.
        """
        limits = limits or effective()
        kernel = kernel or EngineKernel()
        state = home.Home()
        for event in log.stream(home.STREAM):
            state = home.evolve(state, event)
        opening = home.decide(state, open_home(description, first_bar))
        if not opening:  # what it was opened at holds, whatever the feed says of costs by now
            description = replace(description, instruments=state.instruments)
        programs = compile_all(kernel, sources)
        holds = description.feed != "live" if improving is None else improving.holds
        aids = Aids(
            authors=None if improving is None else AuthorsDesk(improving.author, holds=holds),
            classifiers=Classifiers(classifying),
            holdout=holdout,
            holds=holds,
        )
        if opening:
            refuse_lost_log(journal)
            desk = Desk(description, first_bar, kernel, limits, journal)
            desk.write(opening[0])
        else:
            desk = reopen(log, journal, description, kernel, limits, stopping, THREADS, aids)
        trader = cls(log, journal, desk, aids)
        desk.threads = THREADS
        events, trader.notices = take_up(desk, sources, programs)
        trader._write(events)
        if improving is not None:
            trader._write(inputs.improve(desk, improving.policy, "operator"))
        if classifying is not None and classifying.layer is not None:
            trader._write(inputs.classify_by(desk, classifying.layer, "operator"))
        trader._recover(stopping, holds)
        return trader

    @property
    def last_bar(self) -> int | None:
        """Open of the last base bar stepped, ms UTC."""
        return self._desk.last_bar

    def step(self, stretch: Stretch) -> "Future[int]":
        """Journal the bars, take their steps, submit what followed.

        The future gives the log position once durable. Raises `BadBars`, having done nothing;
        after any other failure the trader takes nothing more (`TraderFailed`) and the home must be
        opened again.
        """
        desk = self._desk
        check(stretch, [m.symbol for m in desk.markets], desk.last_bar, desk.base_ms)
        with self._whole():
            self._journal.append(stretch)
        return self._step(stretch, self._authors is not None and self._authors.holds)

    def tend(self) -> "Future[int] | None":
        """Look whether an author's answer has come, or a classifier's; the future is that of what
        followed.

        To be called between steps where answers do not hold the feed: elsewhere they are waited
        for in `step`.
        """
        words = self._classifiers.collect(self._desk)
        done = None if words is None else self._classified(words)
        if self._authors is None:
            return done
        written = self._authors.collect(self._desk, self._log)
        return done if written is None else self._record(written)

    def unseal(self, bars: Iterator[Stretch]) -> int:
        """Open the sealed end of a run: journal its bars, score every strategy on them, once.

        Gives the log position. Raises `domain.errors.Forbidden` for a strategy whose holdout was
        opened; ValueError where the home has no holdout.
        """
        desk, journal = self._desk, self._holdout
        if journal is None:
            raise ValueError("holdout was none, must be that of an improving run on recorded bars")
        with self._whole():
            last = journal.last()
            for stretch in bars:
                if last is None or int(moments(stretch)[-1]) > last:
                    journal.append(after(stretch, -1 if last is None else last))
            position = self._log.head()
            if journal.last() is None:  # what was recorded ends where it is sealed
                return position
            for name in sorted(desk.strategies):
                strategy = desk.strategies[name]
                if strategy.unsealed or strategy.status == "retired":
                    continue
                events = unseal(desk, name, journal, self._compiled_of(name), "engine")
                position = self._write(events)
        return position

    def _compiled_of(self, name: str) -> Callable[[Version], Program]:
        return lambda version: compiled(self._desk, self._log, version.source_sha, name)

    def close(self) -> None:
        """Record what a model says soon that was asked; wait for nobody else. May be done twice."""
        if self._failure is not None:
            return
        if (words := self._classifiers.last(self._desk, CLOSING)) is not None:
            self._classified(words).result()
        if self._authors is not None:
            written = self._authors.last(self._desk, self._log, CLOSING)
            if written is not None:
                self._record(written).result()

    def execute(self, command: Command) -> CommandReply:
        """Carry out an operator's command and wait until it is durable.

        A command id that the log knows is answered from the log. A forbidden command is answered,
        not raised, and writes nothing. Raises `LogFailed`.
        """
        correlation = command_correlation(command.command_id)
        recorded = self._log.correlated(correlation)
        try:
            if recorded:
                return replies.recorded(command, recorded)
            with self._whole():
                position = self._write(
                    events := inputs.command(self._desk, order_of(command, self._desk, self._log))
                )
            while (words := self._classifiers.refresh(self._desk)) is not None:
                position = self._classified(words).result()
        except Forbidden as refusal:
            reply = replies.forbidden(refusal, self._log.head())
        else:
            reply = replies.carried_out(command, events, position)
        logger.info(
            "command answered",
            extra={
                "command": command.name,
                "strategy": command.strategy,
                "accepted": reply.accepted,
                "code": reply.code,
                "correlation_id": correlation,
            },
        )
        return reply

    def _recover(self, stopping: Callable[[], bool], holds: bool) -> None:
        """Take the steps of journalled bars that the log has not.

        Where answers hold the feed, those behind a request are left to who can have it answered.
        """
        running: deque[Future[int]] = deque()
        while not self._abandoned(holds):
            heed(stopping)
            stretch = self._journal.read(self._last_bar, BLOCK)
            if len(moments(stretch)) == 0:
                break
            running.append(self._step(stretch, holds))
            if len(running) > 1:
                running.popleft().result()
        for done in running:
            done.result()

    def _step(self, stretch: Stretch, holds: bool) -> "Future[int]":
        done = self._answer_all(holds)
        if self._abandoned(holds):
            return done or self._submit(())
        while True:
            classifies = self._classifiers.stop(self._desk, holds)
            with self._whole():
                events = advance(self._desk, stretch, holds=holds, classifies=classifies)
                done = self._submit(events)
            done = self._answer_all(holds, done) or done
            stretch = after(stretch, self._last_bar)
            if not any(map(len, stretch)) or self._abandoned(holds):
                return done

    def _abandoned(self, holds: bool) -> bool:
        desk, classifiers = self._desk, self._classifiers
        if classifiers.stopped and classifiers.holds(desk) and desk.regimes.waiting:
            return True
        if not holds:
            return False
        if self._authors is not None and self._authors.stopped:
            return True
        unclassified = classifiers.asks(desk) and not classifiers.holds(desk)
        return (self._authors is None and bool(waiting(desk))) or (
            unclassified and bool(desk.regimes.waiting)
        )

    @property
    def _last_bar(self) -> int:
        return -1 if self._desk.last_bar is None else self._desk.last_bar

    def _answer_all(self, holds: bool, done: "Future[int] | None" = None) -> "Future[int] | None":
        """Have all answered that holds the feed, before another bar is taken; `done` so far.

        Who asks a model or writes candidates is told of what the log holds by then. The future is
        that of the last answer.
        """
        desk, classifiers = self._desk, self._classifiers
        while classifiers.holds(desk) and desk.regimes.waiting and not classifiers.stopped:
            if done is not None and classifiers.asks(desk):
                done.result()
            done = self._classified(classifiers.answer(desk))
        if holds and self._authors is not None:
            for name in waiting(desk):
                if self._authors.stopped:
                    break
                if done is not None:
                    done.result()
                done = self._record(self._authors.answer(desk, self._log, name))
        return done

    def _classified(self, words: Words) -> "Future[int]":
        self._classifiers.heed(words)
        with self._whole():
            return self._submit(classified(self._desk, words))

    def _record(self, written: Written) -> "Future[int]":
        gave_up = self._authors is not None and self._authors.gave_up(written)
        with self._whole():
            events = (given_up if gave_up else recoded)(self._desk, written)
            done = self._submit(events)
        logger.info(
            "author answered",
            extra={
                "strategy": written.strategy,
                "number": written.number,
                "author": written.author,
                "candidates": len(written.drafts),
                "code": written.code,
                "reason": written.reason,
            },
        )
        return done

    def _submit(self, events: Sequence[Event]) -> "Future[int]":
        desk = self._desk
        batch = Batch(events=events, blobs=desk.take_blobs(), checkpoint=save(desk))
        return self._log.submit(batch)

    def _write(self, events: Sequence[Event]) -> int:
        """Put events in the log, durably; nothing where there are none."""
        return self._submit(events).result() if events else self._log.head()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        if self._failure is not None:
            raise TraderFailed(
                f"an earlier step failed ({self._failure}); the home must be opened again"
            )
        try:
            yield
        except Forbidden:
            raise
        except BaseException as error:
            self._failure = error
            raise


def after(stretch: Stretch, moment: int) -> Stretch:
    """Leave out the bars that open at `moment` (ms) or before."""
    return tuple(
        bars[int(np.searchsorted(bars["timestamp"], moment, side="right")) :] for bars in stretch
    )
