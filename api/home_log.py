"""The log of one home, opened for appending or for reading."""

from functools import reduce

import domain.home
import domain.improvement
from api.processes.home import Home, HomeUnused
from domain.improvement import Policy
from infrastructure.store import SqliteEventLog, SqliteLogReader
from infrastructure.store.schema import revision


def open_log(home: Home) -> SqliteEventLog:
    """Open the home's log for appending, creating or migrating it; the caller holds the lock."""
    return SqliteEventLog(home.log)


def read_log(home: Home) -> SqliteLogReader:
    """Open the home's log for reading. Raises `HomeUnused`."""
    if not home.used:
        raise HomeUnused(f"home {home.directory} holds no log yet: start one with perpetua run")
    return SqliteLogReader(home.log)


def improved_by(home: Home) -> Policy | None:
    """The policy that a home's strategies are improved under; None where they are not."""
    if not home.used or revision(home.log) is None:
        return None
    log = read_log(home)
    try:
        held = log.stream(domain.improvement.STREAM)
        return reduce(domain.improvement.evolve, held, domain.improvement.Improvement()).policy
    finally:
        log.close()


def opened_with(home: Home) -> domain.home.Home:
    """What the home was opened with; version 0 where it never was."""
    if not home.used or revision(home.log) is None:  # killed before its first commit
        return domain.home.Home()
    log = read_log(home)
    try:
        return reduce(domain.home.evolve, log.stream(domain.home.STREAM), domain.home.Home())
    finally:
        log.close()
