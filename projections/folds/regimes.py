"""What was said about each symbol's regime, and what was earned in it: `regimes`,
`regime_performance`.

A trade belongs to the classification that was in force when it was entered: the symbol's last one
by then, if it had not run out. Where there was none it belongs to none.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection

from domain.event import Event
from domain.portfolio.events import PositionClosed
from domain.regime import RegimeClassified
from projections.columns import plain
from projections.folds.accounts import Accounts
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables

NONE = "none"


class Said(NamedTuple):
    """A classification, as far as trades need it."""

    since: int  # ms
    until: int  # exclusive
    regime: str


class Earned:
    """What a version earned in one account in one regime."""

    def __init__(self, key: str, owner: Row, regime: str) -> None:
        self.id = key
        self.owner = owner
        self.regime = regime
        self.trades = self.wins = 0
        self.profit = self.loss = Decimal(0)

    def add(self, net: Decimal) -> None:
        self.trades += 1
        if net > 0:
            self.wins += 1
            self.profit += net
        else:
            self.loss -= net

    def row(self) -> Row:
        tally = (self.trades, self.wins, plain(self.profit), plain(self.loss))
        return (self.id, *self.owner, self.regime, *tally)


class Regimes:
    """Folds classifications, and trades by them; `accounts` knows whose account a stream is."""

    def __init__(self, rows: Rows, accounts: Accounts) -> None:
        self.rows = rows
        self.accounts = accounts
        self.added = rows.added["regimes"]
        self.said: dict[str, list[Said]] = {}  # by symbol
        self.earned: dict[str, Earned] = {}

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {RegimeClassified: self.classified, PositionClosed: self.closed}

    def classified(self, position: int, event: RegimeClassified) -> None:
        since = event.occurred_at if event.effective_at is None else event.effective_at
        self.said.setdefault(event.symbol, []).append(Said(since, event.until, event.regime))
        self.added.append(
            (
                position,
                event.event_id,
                event.venue,
                event.symbol,
                event.regime,
                event.trend,
                event.volatility,
                event.risk_mode,
                plain(event.confidence),
                event.by,
                since,
                event.until,
                int(event.forced),
                event.tokens,
                plain(event.cost),
            )
        )

    def closed(self, position: int, event: PositionClosed) -> None:
        owner = self.accounts.of(event.stream, position).owner
        regime = self.at(event.symbol, event.entry_at)
        key = "/".join((*owner[1:], regime))
        earned = self.earned.setdefault(key, Earned(key, owner, regime))
        earned.add(event.net)
        self.rows.touch("regime_performance", key, earned.row)

    def at(self, symbol: str, moment: int) -> str:
        for said in reversed(self.said.get(symbol, ())):
            if said.since <= moment:
                return said.regime if moment < said.until else NONE
        return NONE

    def load(self, connection: Connection, tables: Tables) -> None:
        self.said.clear()
        self.earned.clear()
        regimes = tables["regimes"]
        for stored in connection.execute(regimes.select().order_by(regimes.c.position)):
            said = Said(stored.since, stored.until, stored.regime)
            self.said.setdefault(stored.symbol, []).append(said)
        for stored in connection.execute(tables["regime_performance"].select()):
            self.earned[stored.id] = earned_of(stored)


def earned_of(stored: Any) -> Earned:
    owner = (stored.account, stored.strategy, stored.version, stored.mode, stored.sleeve)
    earned = Earned(stored.id, owner, stored.regime)
    earned.trades, earned.wins = stored.trades, stored.wins
    earned.profit, earned.loss = stored.profit, stored.loss
    return earned
