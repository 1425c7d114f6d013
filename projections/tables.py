"""The read models' tables: everything here is rebuilt from the log, nothing is kept only here.

Rows of what happened are keyed by the log position of the event that made them, so they append in
key order and page by key. Keys are never reused. Every row says its mode as a reader must see it:
`paper`, or `live/sim` until venues exist. All times are ms UTC.
"""

import hashlib

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from projections import improvement_tables
from projections.columns import Exact
from projections.schema import VIEWS, Tables, owner, position_key

__all__ = ["VIEWS", "Tables", "improvement_tables"]  # whole once this module is imported

# Raise it when a fold changes what it writes into unchanged tables: stored views are then rebuilt.
FOLD_VERSION = 2


HOME = Table(
    "home",
    VIEWS,
    Column("id", Text, primary_key=True),
    Column("feed", Text, nullable=False),
    Column("venue", Text, nullable=False),
    Column("timeframe", Text, nullable=False),
    Column("data_digest", Text, nullable=False),
    Column("symbols", Text, nullable=False),  # JSON list
    Column("opened_at", BigInteger),
    Column("last_step", BigInteger),  # open of the last base bar that left an event
    Column("last_recorded_at", BigInteger, nullable=False),  # µs
)

LIMITS = Table(
    "limits",
    VIEWS,
    Column("id", Text, primary_key=True),  # field of domain.limits.Limits
    Column("value", Exact, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("effective_at", BigInteger),
    Column("position", Integer, nullable=False),  # of the event that tightened it last
)

STRATEGIES = Table(
    "strategies",
    VIEWS,
    Column("id", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("status", Text, nullable=False),  # paper | ready | live/sim | paused | retired
    Column("resumes_to", Text, nullable=False),  # the status a resume restores
    Column("mode", Text, nullable=False),
    Column("version", Text),  # the champion: the version last activated
    Column("live_version", Text),
    Column("live_account", Text),
    Column("reason", Text, nullable=False),  # of the last change of status
    Column("changed_by", Text, nullable=False),
    Column("paused_until", BigInteger),
    Column("flat", Integer, nullable=False),  # all it holds is closed, until it is resumed
    Column("registered_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),  # of the last event folded
)

VERSIONS = Table(
    "versions",
    VIEWS,
    Column("id", Text, primary_key=True),  # <strategy>/<version>
    Column("strategy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("status", Text, nullable=False),  # as folds.versions gives it
    Column("author", Text, nullable=False),
    Column("parent", Text),
    Column("hypothesis", Text, nullable=False),
    Column("source_sha", Text, nullable=False),
    Column("parameters", Text, nullable=False),  # JSON object
    Column("timeframe", Text, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", Exact, nullable=False),  # dollars
    Column("authored_at", BigInteger, nullable=False),
    Column("activated_at", BigInteger),
    Column("from_bar", BigInteger),
    Column("live_from", BigInteger),  # open of the first base bar it last went live with
    Column("active", Integer, nullable=False),  # it was given paper accounts
    Column("ready", Integer, nullable=False),  # it passed the gate once
    Column("live", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("rejected_stage", Text, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON list
    Column("verdict", Text),  # JSON of the last GateVerdict
    Column("verdict_at", BigInteger),
    Column("number", Integer),  # of the look it was written for
    Column("passed", Integer),  # its test; None: it was not tested
    Column("failures", Text, nullable=False),  # JSON list of the codes it failed on
    Column("report", Text),  # JSON of the TestReport
    Column("test_digest", Text, nullable=False),
    Column("tested_at", BigInteger),
    Column("retired", Text, nullable=False),  # why it enters nothing more: trades | crowded
    Column("retired_at", BigInteger),
    Column("position", Integer, nullable=False),  # of the event that authored it
)

ACCOUNTS = Table(
    "accounts",
    VIEWS,
    Column("id", Text, primary_key=True),  # its stream
    Column("strategy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("sleeve", Text, nullable=False),
    Column("status", Text, nullable=False),  # open | ruined
    Column("leverage", Integer, nullable=False),
    Column("capital", Exact, nullable=False),
    Column("opened_at", BigInteger),
    Column("ruined_at", BigInteger),
    Column("position", Integer, nullable=False),  # of the event that opened it
)

PERFORMANCE = Table(
    "performance",
    VIEWS,
    Column("id", Text, primary_key=True),  # <strategy>/<version>/<mode>/<sleeve>
    *owner(),
    Column("trades", Integer, nullable=False),
    Column("wins", Integer, nullable=False),
    Column("profit", Exact, nullable=False),  # Σ net of the wins
    Column("loss", Exact, nullable=False),  # −Σ net of the losses
    Column("gross", Exact, nullable=False),
    Column("fees", Exact, nullable=False),
    Column("slippage", Exact, nullable=False),
    Column("funding", Exact, nullable=False),
    Column("capital", Exact, nullable=False),
    Column("cash", Exact, nullable=False),  # at the last mark
    Column("unrealised", Exact, nullable=False),  # at the last mark
    Column("peak", Exact, nullable=False),
    Column("max_drawdown", Exact, nullable=False),
    Column("mark_price", Exact),  # of an account on one symbol
    Column("mark_prices", Text, nullable=False),  # JSON, by symbol, of one on several
    Column("marked_at", BigInteger),
    Column("ruined", Integer, nullable=False),
    Column("position", Integer, nullable=False),  # of the event that opened the account
)

SIGNALS = Table(
    "signals",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),  # event id
    Column("strategy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("bar", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("side", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("tag", Text, nullable=False),
    Column("price", Exact, nullable=False),
    Column("stop", Float),  # distance, quote
    Column("target", Float),
    Column("series", Text, nullable=False),  # JSON object
    Index("signals_strategy", "strategy", "position"),
)

ORDERS = Table(
    "orders",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),
    *owner(),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("order_type", Text, nullable=False),
    Column("status", Text, nullable=False),  # placed | partly_filled | filled | cancelled
    Column("quantity", Exact, nullable=False),
    Column("reference_price", Exact, nullable=False),
    Column("filled", Exact, nullable=False),  # quantity
    Column("paid", Exact, nullable=False),  # Σ price × quantity of its fills
    Column("fees", Exact, nullable=False),
    Column("tag", Text, nullable=False),
    Column("reason", Text, nullable=False),  # of a cancellation
    Column("placed_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Index("orders_account", "account", "position"),
    Index("orders_pending", "closed_at", "position", sqlite_where=text("closed_at IS NULL")),
    Index("orders_cancelled", "status", "position", sqlite_where=text("status = 'cancelled'")),
)

FILLS = Table(
    "fills",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),  # event id
    Column("order_id", Text, nullable=False),
    *owner(),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("price", Exact, nullable=False),
    Column("reference_price", Exact, nullable=False),
    Column("fee", Exact, nullable=False),
    Column("slippage", Exact, nullable=False),
    Column("liquidity", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("fills_account", "account", "position"),
)

POSITIONS = Table(
    "positions",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),
    *owner(),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("status", Text, nullable=False),  # open | closed
    Column("quantity", Exact, nullable=False),
    Column("entry_price", Exact, nullable=False),
    Column("stop", Exact),
    Column("target", Exact),
    Column("tag", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("net", Exact),  # once closed
    Index("positions_account", "account", "position"),
    Index("positions_open", "status", "position", sqlite_where=text("status = 'open'")),
)

TRADES = Table(
    "trades",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),  # the position's id
    *owner(),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("entry_at", BigInteger, nullable=False),
    Column("exit_at", BigInteger, nullable=False),
    Column("entry_price", Exact, nullable=False),
    Column("exit_price", Exact, nullable=False),
    Column("gross", Exact, nullable=False),
    Column("fees", Exact, nullable=False),
    Column("slippage", Exact, nullable=False),
    Column("funding", Exact, nullable=False),
    Column("net", Exact, nullable=False),
    Column("reason", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("mae", Exact, nullable=False),
    Column("mfe", Exact, nullable=False),
    Column("bars", Integer, nullable=False),
    Index("trades_account", "account", "position"),
)

EQUITY = Table(
    "equity",
    VIEWS,
    Column("account", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("version", Text, nullable=False),
    Column("cash", Exact, nullable=False),
    Column("unrealised", Exact, nullable=False),
    Column("peak", Exact, nullable=False),
    Column("max_drawdown", Exact, nullable=False),
    Column("price", Exact),  # of an account on one symbol
    sqlite_with_rowid=False,
)

REFUSALS = Table(
    "refusals",
    VIEWS,
    position_key(),
    *owner(),
    Column("symbol", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("limit", Exact, nullable=False),
    Column("observed", Exact),
    Column("at", BigInteger, nullable=False),
    Index("refusals_account", "account", "position"),
)

BREAKERS = Table(
    "breakers",
    VIEWS,
    position_key(),
    *owner(),
    Column("code", Text, nullable=False),
    Column("status", Text, nullable=False),  # tripped | cleared
    Column("limit", Exact, nullable=False),
    Column("observed", Exact, nullable=False),
    Column("tripped_at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("cleared_at", BigInteger),
    Index("breakers_account", "account", "position"),
    Index("breakers_tripped", "status", "position", sqlite_where=text("status = 'tripped'")),
)

# Managed by alembic; the view tables above are created from their definitions by the runner.
SERVICE = MetaData()

TRACKING = Table(
    "projection_tracking",
    SERVICE,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),  # last log position whose effect is in the tables
    Column("generation", Integer, nullable=False),  # raised by every swap of rebuilt tables
    Column("definition", Text, nullable=False),  # what the tables were built with
)


def definition() -> str:
    """Name what the code in hand builds: a digest of the tables, and the version of the folds."""
    dialect = sqlite.dialect()
    ddl = [str(CreateTable(table).compile(dialect=dialect)) for table in VIEWS.sorted_tables]
    ddl += [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in VIEWS.sorted_tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    return f"{FOLD_VERSION}:{hashlib.sha256(''.join(ddl).encode()).hexdigest()[:16]}"
