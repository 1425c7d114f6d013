"""How rows become the items that queries give, with the figures that are computed when asked for.

An open position's P&L is taken at its account's last mark, and ratios come from `kernels.metrics`,
so that neither can go stale in a table.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, Select, literal, select, text, tuple_

from domain.gate import GateVerdict
from domain.strategy.improvement import TestReport
from domain.tightening import BOUNDS, allowed
from kernels.metrics import figures, ratio
from projections import models
from projections.models import Page
from projections.paging import BadQuery, Paging, limit_of
from projections.tables import EQUITY, PERFORMANCE, POSITIONS

S = TypeVar("S", bound=Struct)
ZERO = Decimal(0)
GATE_VERDICT = msgspec.json.Decoder(GateVerdict)
TEST_REPORT = msgspec.json.Decoder(TestReport)

PRICES = msgspec.json.Decoder(dict[str, Decimal])

Found = Row[Any]


class Mark(Struct, frozen=True):
    """An account's last mark."""

    at: int  # ms UTC
    price: Decimal | None  # of its only symbol
    prices: dict[str, Decimal]  # of what it held of several

    def close_of(self, symbol: str) -> Decimal | None:
        return self.prices.get(symbol, self.price)


def view(kind: type[S], row: Found, **computed: Any) -> S:
    """Make an item of the row's columns of the same names, and what was computed."""
    stored = row._mapping
    taken = {name: stored[name] for name in kind.__struct_fields__ if name not in computed}
    return kind(**taken, **computed)


def page(items: Sequence[S], rows: Sequence[Found], more: bool, paging: Paging) -> Page[S]:
    """Make a page whose cursor is the last row's log position."""
    cursor = str(rows[-1].position) if rows else paging.after
    return Page(tuple(items), cursor, more)


def status(
    home: Found | None, position: int, head: int | None, counts: Mapping[str, int]
) -> models.Status:
    """Tell where a home stands; everything is empty before its first event was seen."""
    return models.Status(
        feed="" if home is None else home.feed,
        venue="" if home is None else home.venue,
        timeframe="" if home is None else home.timeframe,
        data_digest="" if home is None else home.data_digest,
        symbols=() if home is None else tuple(msgspec.json.decode(home.symbols)),
        opened_at=None if home is None else home.opened_at,
        last_step=None if home is None else home.last_step,
        last_recorded_at=None if home is None else home.last_recorded_at // 1000,
        position=position,
        head=head,
        lag=None if head is None else head - position,
        **counts,
    )


def limit(name: str, constant: Decimal, row: Found | None) -> models.LimitView:
    """Make a limit as it stands: its row where it was tightened, else the constant."""
    value = constant if row is None else row.value
    return models.LimitView(
        id=name,
        unit=BOUNDS[name].unit,
        constant=constant,
        value=value,
        allowed=allowed(name, value),
        tightened=row is not None,
        reason="" if row is None else row.reason,
        changed_by="" if row is None else row.changed_by,
        changed_at=None if row is None else row.changed_at,
        effective_at=None if row is None else row.effective_at,
    )


def strategy(row: Found) -> models.StrategyView:
    """Make a strategy of its row."""
    return view(models.StrategyView, row, flat=bool(row.flat))


def version(row: Found) -> models.VersionView:
    """Make a version of its row, the JSON in it decoded."""
    return view(
        models.VersionView,
        row,
        parameters=msgspec.json.decode(row.parameters, type=dict[str, float]),
        reasons=msgspec.json.decode(row.reasons, type=tuple[str, ...]),
        verdict=None if row.verdict is None else GATE_VERDICT.decode(row.verdict),
        passed=None if row.passed is None else bool(row.passed),
        failures=msgspec.json.decode(row.failures, type=tuple[str, ...]),
        report=None if row.report is None else TEST_REPORT.decode(row.report),
    )


def signal(row: Found) -> models.SignalView:
    """Make a signal of its row."""
    series = msgspec.json.decode(row.series, type=dict[str, float | None])
    return view(models.SignalView, row, status="raised", series=series)


def order(row: Found) -> models.OrderView:
    """Make an order of its row, with the average price of its fills."""
    average = ratio(row.paid, row.filled)
    return view(models.OrderView, row, average_price=average)


def performance(row: Found, open_pnl: Mapping[tuple[str, str], Decimal]) -> models.PerformanceView:
    """Make a version's figures in one account of their tally."""
    summary = figures(row.trades, row.wins, row.profit, row.loss)
    return view(
        models.PerformanceView,
        row,
        status="ruined" if row.ruined else "open",
        win_rate=summary.win_rate,
        win_rate_low=summary.win_rate_low,
        profit_factor=summary.profit_factor,
        net=summary.net,
        equity=row.cash + row.unrealised,
        open_pnl=open_pnl.get((row.account, row.version), ZERO),
        ruined=bool(row.ruined),
    )


def position(row: Found, marks: Mapping[str, Mark]) -> models.PositionView:
    """Make a position of its row, an open one with its P&L at the account's last mark."""
    mark = marks.get(row.account)
    price = None if mark is None or row.status != "open" else mark.close_of(row.symbol)
    return view(models.PositionView, row, mark_price=price, open_pnl=pnl_at(row, price))


def pnl_at(row: Found, price: Decimal | None) -> Decimal | None:
    """Give what the position would gain or lose at `price`, before the costs of closing it."""
    if price is None:
        return None
    move = price - row.entry_price if row.side == "long" else row.entry_price - price
    gain: Decimal = move * row.quantity
    return gain


def marks(connection: Connection) -> dict[str, Mark]:
    """Read every account's last mark."""
    columns = PERFORMANCE.c
    asked = select(columns.account, columns.mark_price, columns.mark_prices, columns.marked_at)
    latest: dict[str, Mark] = {}
    for account, price, prices, at in connection.execute(asked):
        if at is not None and (account not in latest or at >= latest[account].at):
            latest[account] = Mark(at, price, PRICES.decode(prices))
    return latest


def open_pnl(connection: Connection) -> dict[tuple[str, str], Decimal]:
    """Sum what the open positions gain or lose at the last marks, by account and version."""
    latest = marks(connection)
    sums: dict[tuple[str, str], Decimal] = {}
    for row in connection.execute(select(POSITIONS).where(text("status = 'open'"))):
        mark = latest.get(row.account)
        pnl = pnl_at(row, None if mark is None else mark.close_of(row.symbol))
        if pnl is not None:
            key = (row.account, row.version)
            sums[key] = sums.get(key, ZERO) + pnl
    return sums


def equity_page(
    connection: Connection, account: str, start: int | None, end: int | None, paging: Paging
) -> Page[models.EquityView]:
    """Read one page of an account's marks; the cursor is `<ms>-<log position>`."""
    limit = limit_of(paging)
    rows = list(connection.execute(marks_asked(account, start, end, paging).limit(limit + 1)))
    items = [view(models.EquityView, row, equity=row.cash + row.unrealised) for row in rows[:limit]]
    cursor = models.cursor_of(items[-1]) if items else paging.after
    return Page(tuple(items), cursor, len(rows) > limit)


def marks_asked(account: str, start: int | None, end: int | None, paging: Paging) -> Select[Any]:
    key = tuple_(EQUITY.c.at, EQUITY.c.position)
    asked = select(EQUITY).where(EQUITY.c.account == account)
    if start is not None:
        asked = asked.where(EQUITY.c.at >= start)
    if end is not None:
        asked = asked.where(EQUITY.c.at < end)
    if paging.after is not None:
        at, _, position = paging.after.partition("-")
        if not (at.isdecimal() and position.isdecimal() and len(paging.after) <= 36):
            raise BadQuery(f"after was {paging.after!r}, must be the cursor of an earlier page")
        after = tuple_(literal(int(at)), literal(int(position)))
        asked = asked.where(key < after if paging.newest else key > after)
    order = (EQUITY.c.at, EQUITY.c.position)
    return asked.order_by(*([column.desc() for column in order] if paging.newest else order))
