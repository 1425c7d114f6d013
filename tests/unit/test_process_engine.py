"""The engine loop: never ahead of its log, commands between blocks, all that began is finished."""

import threading
import time
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.engine import IN_FLIGHT, Engine, Inbox
from application.engine_port import CommandReply, EngineUnavailable
from application.ports import LogFailed
from tests.process_fakes import MINUTE, NumberedFeed, RecordingTrader, pause


def engine_of(
    trader: RecordingTrader, feed: NumberedFeed, inbox: Inbox | None = None, block: int = 10
) -> Engine:
    return Engine(trader, feed, inbox or Inbox(), time.monotonic, block=block)


@given(count=st.integers(0, 60), block=st.integers(1, 25))
def test_engine_when_feed_ends_then_every_bar_was_stepped_once_in_blocks(
    count: int, block: int
) -> None:
    trader = RecordingTrader()

    progress = engine_of(trader, NumberedFeed(count), block=block).run(
        threading.Event(), until_end=True
    )

    assert progress.state == "finished"
    assert progress.bars == progress.position == count
    assert progress.last_bar == ((count - 1) * MINUTE if count else None)
    assert len(trader.calls) == -(-count // block)


def test_engine_when_commits_are_slow_then_at_most_two_blocks_are_in_flight() -> None:
    trader = RecordingTrader(eager=False)
    engine = engine_of(trader, NumberedFeed(100))
    thread = threading.Thread(
        target=engine.run, args=(threading.Event(),), kwargs={"until_end": True}
    )
    thread.start()

    for done in range(10):
        with trader.changed:
            assert trader.changed.wait_for(lambda: trader.pending, 5)
        assert engine.progress.bars <= done * 10
        trader.commit()
    thread.join(5)

    assert engine.progress.bars == 100
    assert trader.most_pending <= IN_FLIGHT


def test_engine_when_feed_withholds_the_next_bar_until_the_last_is_durable_then_it_goes_on() -> (
    None
):
    trader = RecordingTrader(eager=False)
    feed = NumberedFeed(5, ready=lambda: trader.durable_bars + 1)
    engine = engine_of(trader, feed)
    thread = threading.Thread(
        target=engine.run, args=(threading.Event(),), kwargs={"until_end": True}
    )
    thread.start()

    for _ in range(5):
        with trader.changed:
            assert trader.changed.wait_for(lambda: trader.pending, 5)
        trader.commit()
    thread.join(5)

    assert trader.calls == ["step 1"] * 5
    assert engine.progress.state == "finished"


def test_engine_when_stopped_then_the_block_in_flight_is_finished_first() -> None:
    trader = RecordingTrader(eager=False)
    stop = threading.Event()
    engine = engine_of(trader, NumberedFeed(1000))
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    with trader.changed:
        assert trader.changed.wait_for(lambda: len(trader.pending) == IN_FLIGHT, 5)

    stop.set()
    while thread.is_alive():
        if trader.pending:
            trader.commit()
        thread.join(0.01)

    assert trader.pending == []
    assert engine.progress.state == "stopped"
    assert engine.progress.last_bar == trader.last_bar


def test_engine_when_the_log_fails_then_run_raises_and_nothing_more_is_reported() -> None:
    trader = RecordingTrader()
    trader.failure = LogFailed("log.db: the disk is full")
    engine = engine_of(trader, NumberedFeed(100))

    with pytest.raises(LogFailed, match="the disk is full"):
        engine.run(threading.Event())

    assert engine.progress.bars == 0


def test_engine_when_a_command_arrives_while_trading_then_it_is_answered_between_blocks() -> None:
    trader, inbox, stop = RecordingTrader(), Inbox(), threading.Event()
    engine = engine_of(trader, NumberedFeed(10**9), inbox)
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        began = time.monotonic()
        reply = inbox.put(pause()).result(5)
        waited = time.monotonic() - began
    finally:
        stop.set()
        thread.join(5)

    assert reply.accepted
    assert waited < 1.0
    assert "pause vwap" in trader.calls


def test_engine_when_the_feed_has_finished_then_commands_are_still_answered() -> None:
    trader, inbox, stop = RecordingTrader(), Inbox(), threading.Event()
    engine = engine_of(trader, NumberedFeed(3), inbox)
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        while engine.progress.state != "finished":
            time.sleep(0.001)
        reply = inbox.put(pause()).result(5)
    finally:
        stop.set()
        thread.join(5)

    assert reply.accepted
    assert engine.progress.position == reply.position
    assert engine.progress.state == "finished"


def test_inbox_when_the_engine_has_stopped_then_waiting_and_later_commands_are_refused() -> None:
    inbox = Inbox()
    waiting: Future[CommandReply] = inbox.put(pause("early"))

    inbox.close()

    with pytest.raises(EngineUnavailable, match="stopped before it took"):
        waiting.result(1)
    with pytest.raises(EngineUnavailable, match="takes no more commands"):
        inbox.put(pause("late"))
