"""Positions as they stand, and the trades they became: `positions`, `trades`.

An open position's P&L is not kept here: it is computed from the account's last mark when asked for.
"""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import Connection

from domain.event import Event
from domain.portfolio.events import PositionClosed, PositionOpened
from projections.columns import plain, plain_or_none
from projections.folds.accounts import Accounts
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables


class Position:
    """One position; it stays in memory until it is closed."""

    def __init__(self, position: int, key: str, terms: Row, opened_at: int) -> None:
        self.position = position
        self.id = key
        self.terms = terms  # owner, symbol, side
        self.status = "open"
        self.facts: Row = ()  # quantity, entry price, stop, target, tag: as stored
        self.opened_at = opened_at
        self.closed_at: int | None = None
        self.net: Decimal | None = None

    def row(self) -> Row:
        return (
            self.position,
            self.id,
            *self.terms,
            self.status,
            *self.facts,
            self.opened_at,
            self.closed_at,
            plain_or_none(self.net),
        )


class Positions:
    """Folds position events."""

    def __init__(self, rows: Rows, accounts: Accounts) -> None:
        self.rows = rows
        self.accounts = accounts
        self.open: dict[str, Position] = {}

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {PositionOpened: self.opened, PositionClosed: self.closed}

    def opened(self, position: int, event: PositionOpened) -> None:
        owner = self.accounts.of(event.stream, position).owner
        terms = (*owner, event.symbol, event.side)
        opened = Position(position, event.position_id, terms, event.occurred_at)
        opened.facts = (
            plain(event.quantity),
            plain(event.entry_price),
            plain_or_none(event.stop),
            plain_or_none(event.target),
            event.tag,
        )
        self.open[opened.id] = opened
        self.rows.touched["positions"][position] = opened.row

    def closed(self, position: int, event: PositionClosed) -> None:
        owner = self.accounts.of(event.stream, position).owner
        self.rows.added["trades"].append(
            (
                position,
                event.position_id,
                *owner,
                event.symbol,
                event.side,
                plain(event.quantity),
                event.entry_at,
                event.exit_at,
                plain(event.entry_price),
                plain(event.exit_price),
                plain(event.gross),
                plain(event.fees),
                plain(event.slippage),
                plain(event.funding),
                plain(event.net),
                event.reason,
                event.tag,
                plain(event.mae),
                plain(event.mfe),
                event.bars,
            )
        )
        opened = self.open.pop(event.position_id, None)
        if opened is None:
            return  # never seen open: the trade itself is kept above
        opened.status = "closed"
        opened.closed_at = event.exit_at
        opened.net = event.net
        self.rows.touched["positions"][opened.position] = opened.row

    def load(self, connection: Connection, tables: Tables) -> None:
        self.open.clear()
        positions = tables["positions"]
        for stored in connection.execute(positions.select().where(positions.c.status == "open")):
            owner = (stored.account, stored.strategy, stored.version, stored.mode, stored.sleeve)
            terms = (*owner, stored.symbol, stored.side)
            opened = Position(stored.position, stored.id, terms, stored.opened_at)
            opened.facts = (
                plain(stored.quantity),
                plain(stored.entry_price),
                plain_or_none(stored.stop),
                plain_or_none(stored.target),
                stored.tag,
            )
            self.open[opened.id] = opened
