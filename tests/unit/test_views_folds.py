"""Folds: the same rows however the log is cut, and the rows that the events mean."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.ports import Batch
from domain.event import TOPICS, Event
from domain.portfolio.events import AccountOpened, OrderFilled, PositionClosed
from domain.strategy import state as domain_strategy
from projections.folds.views import Views
from tests.event_samples import history
from tests.fakes import MemoryLog
from tests.view_tables import projected, runner_on, tables_of

UNSHOWN = {  # said in other views: funding in trades, liquidation as a trade's reason
    "improvement.set/1",  # what a home decided once, in `events`
    "regime.layer_set/1",
    "regime.refresh_asked/1",
    "portfolio.funding_paid/1",
    "portfolio.liquidated/1",
    "strategy.promotion_requested/1",
    "market.bars_sealed/1",
    "market.feed_gap/1",
}


@settings(max_examples=max(20, settings.default.max_examples // 5))
@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=60),
)
def test_tables_when_log_is_cut_into_any_batches_and_reloads_then_equal(
    seed: int, cuts: list[tuple[int, bool]]
) -> None:
    log = MemoryLog(history(seed, 45))
    with TemporaryDirectory() as folder:
        whole = projected(log, Path(folder) / "whole.db")
        cut = Path(folder) / "cut.db"
        runner = runner_on(log, cut)
        for size, restarted in cuts:
            runner.batch = size
            runner.advance()
            if restarted:
                runner.resume()
        runner.batch = 1000
        runner.run_to_head()
        runner.engine.dispose()
        assert tables_of(cut) == whole
        assert len(whole["equity"]) > 200


def test_performance_when_trades_close_then_sums_equal_the_events(tmp_path: Path) -> None:
    events = history(11, 700)
    owner: dict[str, str] = {}
    nets: dict[str, list[Decimal]] = defaultdict(list)
    fees: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        if isinstance(event, AccountOpened):
            mode = "paper" if event.mode == "paper" else "live/sim"
            owner[event.stream] = f"{event.strategy}/{event.version}/{mode}/{event.sleeve}"
        elif isinstance(event, PositionClosed):
            nets[owner[event.stream]].append(event.net)
            fees[owner[event.stream]] += event.fees
    rows = projected(MemoryLog(events), tmp_path / "views.db")["performance"]
    for row in rows:
        key, trades, wins, profit, loss = row[0], row[6], row[7], Decimal(row[8]), Decimal(row[9])
        assert trades == len(nets[key])
        assert wins == sum(net > 0 for net in nets[key])
        assert profit - loss == sum(nets[key], Decimal(0))
        assert Decimal(row[11]) == fees[key]
    assert sum(row[6] for row in rows) > 100
    assert any("live/sim" in row[0] and row[6] for row in rows)


def test_strategy_rows_when_any_history_then_they_follow_the_domain(tmp_path: Path) -> None:
    for seed in range(8):
        events = history(seed, 250)
        rows = projected(MemoryLog(events), tmp_path / f"{seed}.db")["strategies"]
        for row in rows:
            stream = f"strategy/{row[0]}"
            state = domain_strategy.Strategy(stream=stream)
            for event in events:
                if event.stream == stream:
                    state = domain_strategy.evolve(state, event)
            shown = (
                row[2],
                row[3] if row[2] == "paused" else "",
                row[5],
                row[6] or "",
                row[10],
                bool(row[11]),
            )
            status = {"live": "live/sim"}.get(state.status, state.status)
            resumes = {"live": "live/sim"}.get(state.resumes_to, state.resumes_to)
            assert shown == (
                status,
                resumes if status == "paused" else "",
                state.champion,
                state.live,
                state.paused_until,
                state.flat,
            )


def test_orders_when_filled_in_parts_then_row_sums_its_fills(tmp_path: Path) -> None:
    events = history(4, 500)
    rows = projected(MemoryLog(events), tmp_path / "views.db")["orders"]
    quantity: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        if isinstance(event, OrderFilled):
            quantity[event.order_id] += event.quantity
    assert any(row[11] == "cancelled" for row in rows)
    for row in rows:
        status, ordered, filled = row[11], Decimal(row[12]), Decimal(row[14])
        assert filled == quantity[row[1]]
        assert (status == "filled") == (filled == ordered)


def test_folds_when_an_event_class_is_registered_then_it_is_shown_or_listed_as_not() -> None:
    shown = {event_class.TOPIC for event_class in Views().handlers}
    product = {name for name, event_class in TOPICS.items() if is_product(event_class)}
    assert product - shown == UNSHOWN


def is_product(event_class: type[Event]) -> bool:
    return event_class.__module__.startswith("domain.")


def test_folds_when_stream_was_never_opened_then_rows_are_kept_under_its_name(
    tmp_path: Path,
) -> None:
    events = [e for e in history(2, 60) if not isinstance(e, AccountOpened)]
    renumbered: dict[str, int] = defaultdict(int)
    log = MemoryLog()
    for event in events:
        renumbered[event.stream] += 1
        log.append(Batch(events=[replace(event, stream_version=renumbered[event.stream])]))
    tables = projected(log, tmp_path / "views.db")
    assert {row[1] for row in tables["accounts"]} == {
        "vwap_reversion",
        "volume_breakout",
        "consensus",
    }
    assert all(row[4] in ("A", "B", "") for row in tables["accounts"])
