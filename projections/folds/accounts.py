"""Accounts, and what each version earned in them: `accounts`, `performance`, `equity`.

A version's figures are kept apart even where versions follow each other in one account. Sums are
exact decimals; ratios are not stored but computed from them when asked for (`kernels.metrics`).
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from sqlalchemy import Connection, RowMapping

from domain.event import Event
from domain.portfolio.events import AccountOpened, AccountRuined, EquityMarked, PositionClosed
from projections.columns import plain, plain_or_none
from projections.folds.fold import LIVE, Handler, label
from projections.rows import Row, Rows
from projections.tables import Tables

ZERO = Decimal(0)


class Account:
    """One account as it stands, with its running figures of the version that now trades in it."""

    def __init__(
        self, account: str, strategy: str, version: str, mode: str, sleeve: str, position: int
    ) -> None:
        self.account = account
        self.owner: Row = (account, strategy, version, mode, sleeve)
        self.version = version
        self.status = "open"
        self.leverage = 1
        self.capital = ZERO
        self.opened_at: int | None = None
        self.ruined_at: int | None = None
        self.opened_position = position
        self.figures = Figures("/".join(self.owner[1:]), self)

    def row(self) -> Row:
        return (
            *self.owner,
            self.status,
            self.leverage,
            plain(self.capital),
            self.opened_at,
            self.ruined_at,
            self.opened_position,
        )


class Figures:
    """What one version earned in one account so far."""

    def __init__(self, key: str, account: Account) -> None:
        self.id = key
        self.account = account
        self.trades = 0
        self.wins = 0
        self.profit = self.loss = ZERO
        self.gross = self.fees = self.slippage = self.funding = ZERO
        self.cash = self.unrealised = self.peak = self.max_drawdown = ZERO
        self.mark_price: Decimal | None = None
        self.mark_prices = "{}"  # JSON, by symbol
        self.marked_at: int | None = None

    def row(self) -> Row:
        sums = (self.profit, self.loss, self.gross, self.fees, self.slippage, self.funding)
        marks = (self.cash, self.unrealised, self.peak, self.max_drawdown)
        return (
            self.id,
            *self.account.owner,
            self.trades,
            self.wins,
            *map(plain, sums),
            plain(self.account.capital),
            *map(plain, marks),
            plain_or_none(self.mark_price),
            self.mark_prices,
            self.marked_at,
            int(self.account.status == "ruined"),
            self.account.opened_position,
        )


class Accounts:
    """Folds account events; other folds ask it whose account a stream is."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.by_stream: dict[str, Account] = {}
        self.earlier: dict[str, Figures] = {}  # of versions that traded in the account before
        self.equity = rows.added["equity"]

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {
            AccountOpened: self.opened,
            PositionClosed: self.closed,
            EquityMarked: self.marked,
            AccountRuined: self.ruined,
        }

    def of(self, stream: str, position: int) -> Account:
        """Give the account of a stream; one never opened is read from the stream's name."""
        account = self.by_stream.get(stream)
        if account is None:
            mode, strategy, version, sleeve = named_in(stream)
            account = Account(stream, strategy, version, mode, sleeve, position)
            self.by_stream[stream] = account
            self.rows.touch("accounts", stream, account.row)
        return account

    def opened(self, position: int, event: AccountOpened) -> None:
        account = Account(
            event.stream, event.strategy, event.version, label(event.mode), event.sleeve, position
        )
        before = self.by_stream.get(event.stream)
        if before is not None:
            self.earlier[before.figures.id] = before.figures
        figures = self.earlier.pop(account.figures.id, None)
        if figures is not None:
            figures.account = account
            account.figures = figures
        account.leverage = event.leverage
        account.capital = event.capital
        account.opened_at = event.occurred_at
        account.figures.cash = account.figures.peak = event.capital
        account.figures.unrealised = ZERO
        self.by_stream[event.stream] = account
        self.touch(account)

    def closed(self, position: int, event: PositionClosed) -> None:
        account = self.of(event.stream, position)
        figures = account.figures
        figures.trades += 1
        if event.net > 0:
            figures.wins += 1
            figures.profit += event.net
        else:
            figures.loss -= event.net
        figures.gross += event.gross
        figures.fees += event.fees
        figures.slippage += event.slippage
        figures.funding += event.funding
        self.rows.touched["performance"][figures.id] = figures.row

    def marked(self, position: int, event: EquityMarked) -> None:
        account = self.of(event.stream, position)
        figures = account.figures
        figures.cash = event.cash
        figures.unrealised = event.unrealised
        figures.peak = event.peak
        figures.max_drawdown = event.max_drawdown
        figures.mark_price = event.price
        figures.mark_prices = msgspec.json.encode(event.prices).decode()
        figures.marked_at = event.occurred_at
        self.rows.touched["performance"][figures.id] = figures.row
        self.equity.append(
            (
                event.stream,
                event.occurred_at,
                position,
                account.version,
                format(event.cash, "f"),
                format(event.unrealised, "f"),
                format(event.peak, "f"),
                format(event.max_drawdown, "f"),
                plain_or_none(event.price),
            )
        )

    def ruined(self, position: int, event: AccountRuined) -> None:
        account = self.of(event.stream, position)
        account.status = "ruined"
        account.ruined_at = event.occurred_at
        self.touch(account)

    def touch(self, account: Account) -> None:
        self.rows.touch("accounts", account.account, account.row)
        self.rows.touch("performance", account.figures.id, account.figures.row)

    def load(self, connection: Connection, tables: Tables) -> None:
        self.by_stream.clear()
        self.earlier.clear()
        for stored in connection.execute(tables["accounts"].select()).mappings():
            self.by_stream[stored["id"]] = account_of(stored)
        for stored in connection.execute(tables["performance"].select()).mappings():
            account = self.by_stream[stored["account"]]
            if account.figures.id != stored["id"]:
                account = former(stored)
                self.earlier[stored["id"]] = account.figures
            for name in KEPT:
                setattr(account.figures, name, stored[name])


def account_of(stored: RowMapping) -> Account:
    account = owned(stored["id"], stored)
    account.status = stored["status"]
    account.leverage = stored["leverage"]
    account.capital = stored["capital"]
    account.opened_at = stored["opened_at"]
    account.ruined_at = stored["ruined_at"]
    return account


def former(stored: RowMapping) -> Account:
    account = owned(stored["account"], stored)
    account.capital = stored["capital"]
    account.status = "ruined" if stored["ruined"] else "open"
    return account


def owned(stream: str, stored: RowMapping) -> Account:
    strategy, version, mode, sleeve, position = (
        stored[name] for name in ("strategy", "version", "mode", "sleeve", "position")
    )
    return Account(stream, strategy, version, mode, sleeve, position)


KEPT = (
    "trades",
    "wins",
    "profit",
    "loss",
    "gross",
    "fees",
    "slippage",
    "funding",
    "cash",
    "unrealised",
    "peak",
    "max_drawdown",
    "mark_price",
    "mark_prices",
    "marked_at",
)


def named_in(stream: str) -> tuple[str, str, str, str]:
    parts = stream.split("/")
    if len(parts) == 5 and parts[1] == "paper":  # portfolio/paper/<strategy>/<version>/<sleeve>
        return "paper", parts[2], parts[3], parts[4]
    return (LIVE if parts[1:2] == ["live"] else "paper"), parts[-1], "", ""
