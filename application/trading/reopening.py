"""Standing where a used home's journal ends: by the log's checkpoint, else by replaying it."""

from collections.abc import Callable

from application.ports import BarJournal, Batch, EventLog, FeedDescription
from application.trading.checkpoint import agrees, restore, save, usable
from application.trading.desk import Desk
from application.trading.kernel import Kernel
from application.trading.opening import Aids, BarsLost
from application.trading.rebuild import rebuild
from domain.limits import Limits


def reopen(
    log: EventLog,
    journal: BarJournal,
    description: FeedDescription,
    kernel: Kernel,
    limits: Limits,
    stopping: Callable[[], bool],
    threads: int,
    aids: Aids,
) -> Desk:
    """Give the desk of a used home, as of the last step that the log holds.

    Raises `NotReproducible` where log and kernel part, `BarsLost`, `LogFailed`, and
    `OpeningStopped`.
    """
    saved = usable(log.checkpoint(), kernel.identity, log.head())
    if saved is None or not agrees(saved, log, limits):
        desk, surplus, blobs = rebuild(
            log,
            journal,
            kernel,
            limits,
            stopping,
            aids.holds,
            threads,
            aids.holdout,
            lambda desk: aids.classifiers.stop(desk, aids.holds),
        )
        log.append(Batch(events=surplus, blobs=blobs, checkpoint=save(desk)))
        return desk
    refuse_lost_bars(journal, saved.last_bar)
    desk = Desk(description, saved.first_bar, kernel, limits, journal)
    restore(desk, saved, log)
    return desk


def refuse_lost_bars(journal: BarJournal, last_bar: int) -> None:
    last = journal.last()
    if last is None or last < last_bar:
        held = "no bar" if last is None else f"bars up to {last}"
        raise BarsLost(
            f"the log holds steps up to {last_bar}, but the journal holds {held}: put it back"
        )
