"""Queries: whole lists from any pages, filters that hold, and reads that stay short."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import sqlite

from application.ports import Batch, LogEntry
from domain.portfolio.events import EquityMarked, PositionClosed
from domain.strategy.events import Paused
from projections.columns import Exact
from projections.database import QueryTooSlow, ViewsMissing, reader_engine
from projections.event_pages import LOOKED_AT
from projections.models import Page, cursor_of, plain_item
from projections.paging import BadQuery, Paging, Scope
from projections.queries import Queries
from projections.rebuild import rebuild
from projections.tables import VIEWS
from tests.event_samples import START, STRATEGIES, history
from tests.fakes import MemoryLog
from tests.view_tables import projected, runner_on

Ask = Callable[[Queries, Paging], Page[Any]]
ACCOUNT = "portfolio/paper/consensus/v1/B"
SCOPES = [
    Scope(),
    Scope(strategy="consensus"),
    Scope(strategy="consensus", version="v1"),
    Scope(mode="live", version="v2"),
    Scope(mode="live/sim"),
    Scope(sleeve="B", mode="paper"),
    Scope(account=ACCOUNT),
    Scope(account=ACCOUNT, version="v2"),
]
LISTS: dict[str, Ask] = {
    "versions": lambda queries, paging: queries.versions(None, paging),
    "positions": lambda queries, paging: queries.positions(paging=paging),
    "trades": lambda queries, paging: queries.trades(paging=paging),
    "orders": lambda queries, paging: queries.orders(paging=paging),
    "fills": lambda queries, paging: queries.fills(paging=paging),
    "signals": lambda queries, paging: queries.signals(paging=paging),
    "equity": lambda queries, paging: queries.equity(ACCOUNT, paging=paging),
    "refusals": lambda queries, paging: queries.refusals(paging=paging),
    "breakers": lambda queries, paging: queries.breakers(paging=paging),
    "events": lambda queries, paging: queries.events("strategy/", paging=paging),
    "llm_log": lambda queries, paging: queries.llm_log(paging=paging),
    "recodes": lambda queries, paging: queries.recodes(paging=paging),
    "losses": lambda queries, paging: queries.losses(paging=paging),
    "regimes": lambda queries, paging: queries.regimes(paging=paging),
}
EVENTS = history(21, 500)
LOG = MemoryLog(EVENTS)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("queries") / "views.db"
    projected(LOG, path)
    return path


@pytest.fixture(scope="module")
def queries(views: Path) -> Iterator[Queries]:
    with Queries(views, LOG) as opened:
        yield opened


def everything(ask: Ask, queries: Queries, first: int, newest: bool = False) -> list[Any]:
    items: list[Any] = []
    after: str | None = None
    while True:
        page = ask(queries, Paging(first=first, after=after, newest=newest))
        assert len(page.items) <= first
        items += page.items
        if not page.more:
            return items
        assert page.items or page.cursor != after, "a page led nowhere"
        after = page.cursor


@pytest.mark.parametrize("name", LISTS)
def test_list_when_paged_by_any_size_then_the_whole_list_once_in_order(
    queries: Queries, name: str
) -> None:
    whole = everything(LISTS[name], queries, 1000)
    assert len(whole) > 5
    assert everything(LISTS[name], queries, 7) == whole
    assert everything(LISTS[name], queries, 1000, newest=True) == whole[::-1]
    assert everything(LISTS[name], queries, 7, newest=True) == whole[::-1]
    cursors = [cursor_of(item) for item in whole]
    assert len(set(cursors)) == len(cursors)
    middle = len(whole) // 2
    on = LISTS[name](queries, Paging(first=1000, after=cursors[middle]))
    assert list(on.items) == whole[middle + 1 :]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_trades_when_scoped_then_exactly_the_matching_rows(queries: Queries, scope: Scope) -> None:
    def asked(queries: Queries, paging: Paging) -> Page[Any]:
        return queries.trades(scope, paging)

    mode = {"live": "live/sim"}.get(scope.mode or "", scope.mode)
    wanted = {
        "strategy": scope.strategy,
        "version": scope.version,
        "mode": mode,
        "sleeve": scope.sleeve,
        "account": scope.account,
    }
    expected = [
        trade
        for trade in everything(LISTS["trades"], queries, 1000)
        if all(value in (None, getattr(trade, name)) for name, value in wanted.items())
    ]
    assert everything(asked, queries, 11) == expected
    assert everything(asked, queries, 11, newest=True) == expected[::-1]
    assert expected or scope == Scope(account=ACCOUNT, version="v2")


@pytest.mark.parametrize("status", ["placed", "filled", "cancelled", "partly_filled"])
@pytest.mark.parametrize("scope", [Scope(), Scope(strategy="consensus"), Scope(account=ACCOUNT)])
def test_orders_when_asked_by_status_then_exactly_those(
    queries: Queries, status: str, scope: Scope
) -> None:
    expected = [
        order
        for order in everything(lambda q, p: q.orders(scope, None, p), queries, 1000)
        if order.status == status
    ]
    assert everything(lambda q, p: q.orders(scope, status, p), queries, 9) == expected


def test_trades_when_listed_then_they_carry_every_field_of_the_event(queries: Queries) -> None:
    closed = [e for e in EVENTS if isinstance(e, PositionClosed)]
    trades = everything(LISTS["trades"], queries, 1000)
    assert len(trades) == len(closed)
    for trade, fact in zip(trades, closed, strict=True):
        assert trade.id == fact.position_id
        assert trade.status == "closed"
        assert trade.net == trade.gross - trade.fees - trade.slippage - trade.funding
        for name in PositionClosed.__struct_fields__:
            if hasattr(trade, name):
                assert getattr(trade, name) == getattr(fact, name), name


def test_positions_when_open_then_pnl_is_at_the_last_mark(queries: Queries) -> None:
    marks = {e.stream: e.price for e in EVENTS if isinstance(e, EquityMarked)}
    held = queries.positions(status="open").items
    assert held
    for position in held:
        gain = (marks[position.account] - position.entry_price) * position.quantity
        assert (position.mark_price, position.open_pnl) == (marks[position.account], gain)
    sums = {p.id: p.open_pnl for p in queries.performance() if p.open_pnl}
    assert sum(sums.values()) == sum(position.open_pnl or 0 for position in held)
    assert queries.status().open_positions == len(held)
    assert all(p.open_pnl is None for p in queries.positions(status="closed").items)


def test_equity_when_a_span_is_asked_then_marks_from_start_to_before_end(queries: Queries) -> None:
    marks = [e for e in EVENTS if isinstance(e, EquityMarked) and e.stream == ACCOUNT]
    start, end = START + 50 * 3_600_000, START + 90 * 3_600_000
    expected = [
        (e.occurred_at, e.cash + e.unrealised) for e in marks if start <= e.occurred_at < end
    ]
    asked = everything(lambda q, p: q.equity(ACCOUNT, start, end, p), queries, 13)
    assert [(mark.at, mark.equity) for mark in asked] == expected
    assert len(expected) == 40


def test_performance_when_scoped_to_live_then_labelled_simulated(queries: Queries) -> None:
    live = queries.performance(Scope(mode="live"))
    assert live
    assert {item.mode for item in live} == {"live/sim"}
    assert live == queries.performance(Scope(mode="live/sim"))
    assert "live" not in {strategy.status for strategy in queries.strategies()}


def test_strategies_when_listed_then_by_name_and_found_by_name(queries: Queries) -> None:
    listed = queries.strategies()
    assert [item.id for item in listed] == sorted(STRATEGIES)
    assert queries.strategy("consensus") == listed[0]
    assert queries.strategy("nobody") is None


def test_status_when_log_is_ahead_then_the_lag_is_told(tmp_path: Path) -> None:
    log = MemoryLog(EVENTS[:400])
    projected(log, tmp_path / "views.db")
    log.append(Batch(events=EVENTS[400:430]))
    with Queries(tmp_path / "views.db", log) as queries:
        status = queries.status()
        assert (status.position, status.head, status.lag) == (400, 430, 30)
        assert (status.feed, status.symbols) == ("synthetic", ("BTC-USDT-PERP",))
        assert not queries.wait_for(430, 0.05)
        runner_on(log, tmp_path / "views.db").run_to_head()
        assert queries.wait_for(430, 5)


def test_events_when_filtered_then_only_those_with_their_own_fields(queries: Queries) -> None:
    found = everything(lambda q, p: q.events("strategy/", Paused.TOPIC, "input", p), queries, 3)
    expected = [e for e in EVENTS if isinstance(e, Paused)]
    assert [item.id for item in found] == [e.event_id for e in expected]
    assert expected
    assert found[0].data == {"by": "operator:ann", "reason": "news", "until": expected[0].until}
    assert queries.events("no/such/stream").items == ()


def test_events_when_matches_are_rare_then_each_call_looks_at_a_bounded_part(
    tmp_path: Path,
) -> None:
    marks = [e for e in history(1, 50) if isinstance(e, EquityMarked) and e.stream == ACCOUNT]
    log = MemoryLog()
    log.entries = [LogEntry(i, i, marks[i % len(marks)]) for i in range(1, LOOKED_AT + 2)]
    with Queries(tmp_path / "unused.db", log) as queries:
        page = queries.events(topic="strategy.paused/1")
        assert (page.items, page.more, page.cursor) == ((), True, str(LOOKED_AT))
        page = queries.events(topic="strategy.paused/1", paging=Paging(after=page.cursor))
        assert (page.items, page.more) == ((), False)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda q: q.trades(paging=Paging(first=0)), "first was 0, must be 1-1000"),
        (lambda q: q.trades(paging=Paging(first=1001)), "first was 1001, must be 1-1000"),
        (lambda q: q.trades(paging=Paging(after="x'")), 'after was "x\'", must be the cursor'),
        (lambda q: q.trades(paging=Paging(after="9" * 30)), "must be the cursor"),
        (lambda q: q.equity("a", paging=Paging(after="12")), "after was '12', must be the cursor"),
        (
            lambda q: q.trades(Scope(sleeve="b")),
            "sleeve was 'b', must be one of A, B",
        ),
        (
            lambda q: q.trades(Scope(mode="real")),
            "mode was 'real', must be paper, live or live/sim",
        ),
        (lambda q: q.orders(status="lost"), "status was 'lost', must be one of placed"),
        (lambda q: q.positions(status="x"), "status was 'x', must be one of open, closed"),
        (lambda q: q.events(kind="x"), "kind was 'x', must be one of input, derived"),
        (lambda q: q.llm_log(purpose="x"), "purpose was 'x', must be one of recode, repair"),
        (lambda q: q.recodes(status="x"), "status was 'x', must be one of asked, answered"),
    ],
)
def test_query_when_an_argument_is_not_allowed_then_it_is_named(
    queries: Queries, ask: Callable[[Queries], object], message: str
) -> None:
    with pytest.raises(BadQuery) as refused:
        ask(queries)
    assert message in str(refused.value)


def test_query_when_there_is_no_file_or_no_tables_then_it_says_so(tmp_path: Path) -> None:
    with Queries(tmp_path / "views.db") as queries:
        with pytest.raises(ViewsMissing, match=r"views\.db was not found"):
            queries.status()
        assert not (tmp_path / "views.db").exists()
        (tmp_path / "views.db").touch()
        with pytest.raises(ViewsMissing, match="holds no read models yet"):
            queries.trades()


def test_views_when_the_path_has_odd_characters_then_they_work(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=ro&c#d%20é" / "views.db"
    projected(MemoryLog(EVENTS[:100]), path)
    assert rebuild(MemoryLog(EVENTS[:100]), path) == 100
    with Queries(path) as queries:
        assert queries.position() == 100
    assert path.exists()


def test_query_when_the_file_is_replaced_then_the_new_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    projected(MemoryLog(EVENTS[:300]), path)
    with Queries(path) as queries:
        assert queries.position() == 300
        for file in tmp_path.glob("views.db*"):
            file.unlink()
        rebuild(MemoryLog(EVENTS[:200]), path)
        assert queries.position() == 200


def test_read_when_it_takes_too_long_then_it_is_stopped(views: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    engine = reader_engine(views, seconds=0.05)
    with Queries(views) as queries:
        queries._engine = engine
        queries._file = (views.stat().st_dev, views.stat().st_ino)
        with pytest.raises(QueryTooSlow), queries._reading() as connection:
            connection.exec_driver_sql(endless)
        assert queries.position() == LOG.head(), "the connection is of no more use"


def test_read_when_it_tries_to_write_then_refused(views: Path) -> None:
    engine = reader_engine(views)
    with pytest.raises(Exception, match="readonly"), engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trades")
    engine.dispose()


def test_lists_when_asked_then_an_index_serves_them_and_nothing_is_sorted(
    views: Path, queries: Queries
) -> None:
    run: list[tuple[str, Any]] = []
    engine = queries._open()

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        run.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    after = {"equity": f"{START}-3"}
    for newest in (False, True):
        for name, ask in LISTS.items():
            ask(queries, Paging(after=after.get(name, "3"), newest=newest))
        for scope in SCOPES:
            queries.trades(scope, Paging(after="3", newest=newest))
            queries.positions(scope, "open", Paging(after="3", newest=newest))
            queries.orders(scope, "placed", Paging(after="3", newest=newest))
            queries.orders(scope, "cancelled", Paging(after="3", newest=newest))
    event.remove(engine, "before_cursor_execute", note)
    paged = [(statement, p) for statement, p in run if "ORDER BY" in statement]
    assert len(paged) > 60
    with closing(sqlite3.connect(views)) as db:
        for statement, parameters in paged:
            plan = " | ".join(
                row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )
            if "FROM versions" not in statement:  # a short list
                assert "SEARCH" in plan, (statement, plan)
                assert "TEMP B-TREE" not in plan, (statement, plan)
            if "'open'" in statement:
                assert "positions_open" in plan, plan
            if "'cancelled'" in statement:
                assert "orders_cancelled" in plan, plan


def test_money_when_stored_then_it_is_text_and_sql_never_adds_it_up(
    views: Path, queries: Queries
) -> None:
    exact = {
        (table.name, column.name)
        for table in VIEWS.tables.values()
        for column in table.columns
        if isinstance(column.type, Exact)
    }
    assert len(exact) > 40
    with closing(sqlite3.connect(views)) as db:
        for table, column in exact:
            kinds = db.execute(f'SELECT DISTINCT typeof("{column}") FROM "{table}"')  # noqa: S608
            assert {kind for (kind,) in kinds} <= {"text", "null"}, (table, column)
    run: list[str] = []
    engine = queries._open()

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        run.append(statement.lower())

    event.listen(engine, "before_cursor_execute", note)
    for ask in LISTS.values():
        ask(queries, Paging())
    queries.status()
    queries.performance()
    event.remove(engine, "before_cursor_execute", note)
    added_up = {s.split("sum(")[1].split(")")[0] for s in run if "sum(" in s}
    assert added_up == {"performance.trades"}
    assert not any(word in s for s in run for word in (" avg(", " total(", "cast("))


def test_item_when_made_plain_then_decimals_are_text_without_exponent(queries: Queries) -> None:
    item = plain_item(queries.trades().items[0])
    assert item["mfe"] == "0.00000000"
    assert item["net"] == format(queries.trades().items[0].net, "f")
    version = plain_item(next(v for v in queries.versions().items if v.verdict))
    assert version["verdict"]["win_rate"] in ("0.72000000", "0.50000000")


def test_exact_column_when_bound_or_rendered_then_digits_are_kept() -> None:
    column, dialect = Exact(), sqlite.dialect()
    tiny = Decimal("1E-8")
    assert column.process_bind_param(tiny, dialect) == "0.00000001"
    assert column.process_literal_param(tiny, dialect) == "'0.00000001'"
    assert column.process_result_value("0.00000001", dialect) == tiny
    assert column.process_bind_param(None, dialect) is None
