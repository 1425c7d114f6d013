"""Orders as they stand, and the fills that made them so: `orders`, `fills`."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import Connection

from domain.event import Event
from domain.portfolio.events import OrderCancelled, OrderFilled, OrderPlaced
from projections.columns import plain
from projections.folds.accounts import Accounts
from projections.folds.fold import Handler
from projections.rows import Row, Rows
from projections.tables import Tables

ZERO = Decimal(0)


class Order:
    """One order; it stays in memory until it is filled or cancelled."""

    def __init__(self, position: int, key: str, terms: Row, quantity: Decimal, at: int) -> None:
        self.position = position
        self.id = key
        self.terms = terms  # owner, symbol, side, intent, order type
        self.quantity = quantity
        self.reference_price = ZERO
        self.status = "placed"
        self.filled = self.paid = self.fees = ZERO
        self.tag = self.reason = ""
        self.placed_at = at
        self.closed_at: int | None = None

    def row(self) -> Row:
        return (
            self.position,
            self.id,
            *self.terms,
            self.status,
            plain(self.quantity),
            plain(self.reference_price),
            plain(self.filled),
            plain(self.paid),
            plain(self.fees),
            self.tag,
            self.reason,
            self.placed_at,
            self.closed_at,
        )


class Orders:
    """Folds order events. An order id belongs to one account: ids are pure functions of it."""

    def __init__(self, rows: Rows, accounts: Accounts) -> None:
        self.rows = rows
        self.accounts = accounts
        self.pending: dict[str, Order] = {}

    @property
    def handlers(self) -> Mapping[type[Event], Handler]:
        return {OrderPlaced: self.placed, OrderFilled: self.filled, OrderCancelled: self.cancelled}

    def placed(self, position: int, event: OrderPlaced) -> None:
        owner = self.accounts.of(event.stream, position).owner
        terms = (*owner, event.symbol, event.side, event.intent, event.order_type)
        order = Order(position, event.order_id, terms, event.quantity, event.occurred_at)
        order.reference_price = event.reference_price
        order.tag = event.tag
        self.pending[order.id] = order
        self.rows.touched["orders"][position] = order.row

    def filled(self, position: int, event: OrderFilled) -> None:
        owner = self.accounts.of(event.stream, position).owner
        self.rows.added["fills"].append(
            (
                position,
                event.event_id,
                event.order_id,
                *owner,
                event.symbol,
                event.side,
                plain(event.quantity),
                plain(event.price),
                plain(event.reference_price),
                plain(event.fee),
                plain(event.slippage),
                event.liquidity,
                event.occurred_at,
            )
        )
        order = self.pending.get(event.order_id)
        if order is None:
            return  # already closed, or never placed: the fill itself is kept above
        order.filled += event.quantity
        order.paid += event.price * event.quantity
        order.fees += event.fee
        order.status = "partly_filled"
        if order.filled >= order.quantity:
            self.close(order, "filled", event.occurred_at)
        self.rows.touched["orders"][order.position] = order.row

    def cancelled(self, position: int, event: OrderCancelled) -> None:
        order = self.pending.get(event.order_id)
        if order is None:
            return
        order.reason = event.reason
        self.close(order, "cancelled", event.occurred_at)
        self.rows.touched["orders"][order.position] = order.row

    def close(self, order: Order, status: str, at: int) -> None:
        order.status = status
        order.closed_at = at
        del self.pending[order.id]

    def load(self, connection: Connection, tables: Tables) -> None:
        self.pending.clear()
        orders = tables["orders"]
        for stored in connection.execute(orders.select().where(orders.c.closed_at.is_(None))):
            owner = (stored.account, stored.strategy, stored.version, stored.mode, stored.sleeve)
            terms = (*owner, stored.symbol, stored.side, stored.intent, stored.order_type)
            order = Order(stored.position, stored.id, terms, stored.quantity, stored.placed_at)
            order.reference_price = stored.reference_price
            order.status = stored.status
            order.filled = stored.filled
            order.paid = stored.paid
            order.fees = stored.fees
            order.tag = stored.tag
            order.reason = stored.reason
            self.pending[order.id] = order
