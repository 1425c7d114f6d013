"""Pages by key: what comes after the last item seen, never by counting rows.

Rows that belong to accounts are found account by account through its index, then merged in log
order: the cost is that of the page, not of the table.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, select

from domain.event import Mode
from projections.folds.fold import label

LARGEST_PAGE = 1000
SLEEVES = ("A", "B")
MERGED_ACCOUNTS = 64  # beyond, most rows match and the table is walked in key order

Found = Row[Any]


class BadQuery(ValueError):
    """An argument of a query is not allowed; the message names it, its value and what is."""


class Paging(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted."""

    first: int = 50  # items, 1-1000
    after: str | None = None  # the cursor of the page before
    newest: bool = False  # newest first


class Scope(Struct, frozen=True, kw_only=True):
    """Whose rows are wanted; None is everyone's."""

    strategy: str | None = None
    version: str | None = None
    mode: str | None = None  # paper | live | live/sim
    sleeve: str | None = None
    account: str | None = None

    def conditions(self, table: Table) -> list[ColumnElement[bool]]:
        """Say the scope in the columns of a table that has them. Raises BadQuery."""
        asked = {
            "strategy": self.strategy,
            "version": self.version,
            "mode": shown_mode(self.mode),
            "sleeve": one_of("sleeve", self.sleeve, SLEEVES),
            "account": self.account,
        }
        return [table.c[name] == value for name, value in asked.items() if value is not None]

    def filters(self, table: Table) -> list[ColumnElement[bool]]:
        """Say the scope so that another index than the account's is used. Raises BadQuery."""
        rest = replace(self, account=None).conditions(table)
        if self.account is not None:
            rest.append(table.c.account + "" == self.account)
        return rest


def shown_mode(mode: str | None) -> str | None:
    """Turn a mode as asked for into the one the views show. Raises BadQuery."""
    modes: dict[str, Mode] = {"paper": "paper", "live": "live", "live/sim": "live"}
    if mode is None:
        return None
    if mode not in modes:
        raise BadQuery(f"mode was {mode!r}, must be paper, live or live/sim")
    return label(modes[mode])


def one_of(name: str, value: str | None, allowed: Sequence[str]) -> str | None:
    """Let a value pass that is allowed, or None. Raises BadQuery."""
    if value is not None and value not in allowed:
        raise BadQuery(f"{name} was {value!r}, must be one of {', '.join(allowed)}")
    return value


def limit_of(paging: Paging) -> int:
    """Give the page's size. Raises BadQuery."""
    if not 1 <= paging.first <= LARGEST_PAGE:
        raise BadQuery(f"first was {paging.first}, must be 1-{LARGEST_PAGE}")
    return paging.first


def position_after(paging: Paging) -> int | None:
    """Read the cursor of lists that page by log position. Raises BadQuery."""
    if paging.after is None:
        return None
    if not paging.after.isascii() or not paging.after.isdigit() or len(paging.after) > 18:
        raise BadQuery(f"after was {paging.after!r}, must be the cursor of an earlier page")
    return int(paging.after)


def page_of(
    connection: Connection,
    table: Table,
    paging: Paging,
    conditions: Sequence[ColumnElement[bool]],
    accounts: Sequence[str] | None = None,
) -> tuple[list[Found], bool]:
    """Read one page of rows in log order, and whether there are more.

    `accounts` None reads everyone's. Raises BadQuery.
    """
    limit = limit_of(paging)
    statement = keyed(table, paging).where(*conditions).limit(limit + 1)
    if accounts is None:
        rows = list(connection.execute(statement))
    elif len(accounts) > MERGED_ACCOUNTS:
        rows = list(connection.execute(statement.where(table.c.account.in_(accounts))))
    else:
        rows = []
        for account in accounts:
            rows += connection.execute(statement.where(table.c.account == account))
        rows.sort(key=lambda row: int(row.position), reverse=paging.newest)
    return rows[:limit], len(rows) > limit


def keyed(table: Table, paging: Paging) -> Select[Any]:
    """Select in the order of the key, from the cursor on."""
    key, after = table.c.position, position_after(paging)
    statement = select(table).order_by(key.desc() if paging.newest else key)
    if after is None:
        return statement
    return statement.where(key < after if paging.newest else key > after)
