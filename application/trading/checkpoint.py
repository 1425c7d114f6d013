"""Where trading stood at a position of the log, so that a restart need not run the bars again.

A checkpoint is a convenience and never the truth: it is used only if it was made by this very
kernel and layout, describes exactly the head of the log and is whole to the last bit (nothing else
would notice a changed one); otherwise the log's own inputs and the journal rebuild the state, and
every event is compared on the way.
"""

from functools import reduce
from hashlib import sha256

import msgspec
from msgspec import Struct

from application.ports import Checkpoint, EventLog, Fold, LogReader
from application.trading.book import Account, Closes
from application.trading.desk import Desk
from application.trading.kernel import Program
from application.trading.live import Live
from application.trading.regimes import Asked
from application.trading.run import Run, Said, start
from application.trading.seal import Sealed
from domain import improvement, regime, tightening
from domain.improvement import Improvement
from domain.limits import Limits
from domain.periods import Periods
from domain.portfolio import state as portfolios
from domain.portfolio.judging import Began
from domain.portfolio.state import Portfolio
from domain.regime import Layered
from domain.strategy import state as strategies
from domain.strategy.state import Strategy
from domain.tightening import InForce

STRATEGY, PORTFOLIO = "strategy/5", "portfolio/3"  # versions of the folds, for their snapshots
LAYOUT = "trading/6"  # changes whenever the meaning of a saved state does
DIGEST = 32  # bytes of sha256 before the state


class SavedAccount(Struct, frozen=True):
    portfolio: Portfolio
    periods: Periods
    began: Began


class SavedRun(Struct, frozen=True):
    strategy: str
    version: str
    first_bar: int
    said: list[Said]  # by symbol
    state: bytes
    accounts: tuple[SavedAccount, ...]


class Saved(Struct, frozen=True):
    layout: str
    kernel: str
    position: int  # of the log
    first_bar: int
    last_bar: int
    strategies: tuple[Strategy, ...]
    runs: tuple[SavedRun, ...]
    signals: dict[str, int]
    closes: tuple[Closes, ...]  # by symbol
    sealed: tuple[Sealed, ...]  # by symbol
    in_force: InForce
    improvement: Improvement
    live: dict[str, Live]
    llm_calls: int
    layered: Layered
    asked: Asked  # of regimes; what was said is read from the log


class Stamp(Struct, frozen=True):
    """The part that every layout begins with."""

    layout: str
    kernel: str
    position: int


ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(Saved)
STAMPS = msgspec.msgpack.Decoder(Stamp)


def save(desk: Desk) -> Checkpoint | None:
    """Describe the desk as it is; nothing before the first bar."""
    if desk.last_bar is None:
        return None
    saved = Saved(
        layout=LAYOUT,
        kernel=desk.kernel.identity,
        position=desk.written,
        first_bar=desk.first_bar,
        last_bar=desk.last_bar,
        strategies=tuple(desk.strategies[name] for name in sorted(desk.strategies)),
        runs=tuple(
            SavedRun(
                run.strategy,
                run.version,
                run.first_bar,
                run.said,
                run.saved,
                tuple(SavedAccount(a.portfolio, a.periods, a.began) for a in run.accounts),
            )
            for run in desk.runs
        ),
        signals=desk.signals,
        closes=desk.closes,
        sealed=tuple(sealer.state for sealer in desk.sealers),
        in_force=desk.in_force,
        improvement=desk.improvement,
        live=desk.live,
        llm_calls=desk.llm_calls,
        layered=desk.regimes.layered,
        asked=desk.regimes.asked,
    )
    return Checkpoint(desk.last_bar, packed(saved))


def packed(saved: Saved) -> bytes:
    """Write a saved state behind its sha256."""
    state = ENCODER.encode(saved)
    return sha256(state).digest() + state


def usable(checkpoint: Checkpoint | None, kernel: str, head: int) -> Saved | None:
    """Read a checkpoint that describes this log's head under this kernel; None for any other."""
    if checkpoint is None:
        return None
    digest, state = checkpoint.state[:DIGEST], checkpoint.state[DIGEST:]
    if sha256(state).digest() != digest:
        return None
    try:
        stamp = STAMPS.decode(state)
        if (stamp.layout, stamp.kernel, stamp.position) != (LAYOUT, kernel, head):
            return None
        return DECODER.decode(state)
    except msgspec.MsgspecError:
        return None


def agrees(saved: Saved, log: EventLog, limits: Limits) -> bool:
    """Tell whether strategies, accounts and limits of a checkpoint are what the log's events say.

    `limits` are those that hold while nobody has tightened one.
    """
    if reduce(tightening.evolve, log.stream(tightening.STREAM), InForce(limits)) != saved.in_force:
        return False
    policy = reduce(improvement.evolve, log.stream(improvement.STREAM), Improvement())
    if policy != saved.improvement:
        return False
    if reduce(regime.evolve, log.stream(regime.STREAM), Layered()) != saved.layered:
        return False
    for strategy in saved.strategies:
        fresh = Strategy(stream=strategy.stream)
        if log.load(strategy.stream, Fold(STRATEGY, fresh, strategies.evolve)).state != strategy:
            return False
    for account in (account.portfolio for run in saved.runs for account in run.accounts):
        empty = Portfolio(stream=account.stream)
        if log.load(account.stream, Fold(PORTFOLIO, empty, portfolios.evolve)).state != account:
            return False
    return True


def restore(desk: Desk, saved: Saved, log: EventLog) -> None:
    """Put a fresh desk where the checkpoint stood, compiling its versions from the blob table."""
    desk.last_bar = saved.last_bar
    desk.written = saved.position
    desk.strategies = {strategy.name: strategy for strategy in saved.strategies}
    desk.signals = saved.signals
    desk.closes = saved.closes
    for sealer, sealed in zip(desk.sealers, saved.sealed, strict=True):
        sealer.state = sealed
    desk.improvement = saved.improvement
    desk.live = saved.live
    desk.llm_calls = saved.llm_calls
    restore_regimes(desk, saved, log)  # before the runs, which are told
    desk.in_force = saved.in_force  # before the runs, which are held to it
    for kept in saved.runs:
        restore_run(desk, kept, log)


def restore_regimes(desk: Desk, saved: Saved, log: EventLog) -> None:
    """Read again what was said: no checkpoint can say it otherwise."""
    regimes, waiting = desk.regimes, dict(saved.asked.waiting)
    regimes.layered, regimes.asked = saved.layered, saved.asked
    for symbol in regimes.symbols:
        for event in log.stream(regime.stream(regimes.venue, symbol)):
            regimes.take(event)
    regimes.asked.waiting = waiting


def restore_run(desk: Desk, kept: SavedRun, log: EventLog) -> None:
    version = desk.strategies[kept.strategy].find(kept.version)
    if version is None:
        raise ValueError(f"checkpoint names {kept.version} of {kept.strategy}, which has no such")
    program = compiled(desk, log, version.source_sha, kept.strategy)
    run: Run = start(
        desk.kernel,
        kept.strategy,
        version,
        program,
        desk.markets,
        desk.base_ms,
        desk.limits,
        kept.first_bar,
    )
    run.runner.restore(kept.state)
    run.saved = kept.state
    run.said = kept.said
    run.accounts = tuple(Account(a.portfolio, a.periods, a.began) for a in kept.accounts)
    desk.add(run)


def compiled(desk: Desk, log: LogReader, source_sha: str, name: str) -> Program:
    """Compile a version's source from the blob table."""
    return desk.kernel.compile(log.blob(source_sha).decode(), name)
