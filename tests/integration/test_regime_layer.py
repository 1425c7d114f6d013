"""What was said of the market is an input: cached in the log, read as of each close, replayed."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.improvement.model.budget import Caps
from application.ports import Batch, Checkpoint
from domain.llm import LlmCalled
from domain.regime import Layer, RegimeClassified, RegimeLayerSet, RegimeRefreshAsked
from domain.signals import SignalRaised
from tests.fakes import MemoryLog
from tests.regime_homes import (
    HOUR,
    SYMBOL,
    Oracle,
    RegimeHome,
    answer,
    holding,
    hours,
)
from tests.trading_fakes import START

BARS = hours(220)
WARM = 114  # bars before the rule can say anything
LAYERS: tuple[Layer, ...] = ("rule", "llm")
ETHER = "ETH-USDT"


def home_of(layer: Layer) -> RegimeHome:
    return RegimeHome(layer, Oracle() if layer == "llm" else None)


@pytest.fixture(scope="module")
def undisturbed() -> dict[Layer, RegimeHome]:
    homes = {layer: home_of(layer) for layer in LAYERS}
    for home in homes.values():
        home.feed(BARS)
    return homes


def test_rule_when_bars_come_then_every_two_hours_are_classified_until_the_next(
    undisturbed: dict[Layer, RegimeHome],
) -> None:
    home = undisturbed["rule"]
    said = home.of(RegimeClassified)

    assert [each.effective_at for each in said] == [
        START + HOUR * hour for hour in range(WARM, len(BARS) + 1, 2)
    ]
    assert {each.until - each.effective_at for each in said} == {2 * HOUR}
    assert {(each.by, each.kind, each.actor, each.forced) for each in said} == {
        ("rule", "input", "classifier:rule", False)
    }
    assert len({each.regime for each in said}) >= 3
    assert home.of(LlmCalled) == []


def test_model_when_asked_then_its_call_stands_before_the_rule_and_before_its_own_words(
    undisturbed: dict[Layer, RegimeHome],
) -> None:
    home = undisturbed["llm"]
    groups: dict[str, list[str]] = {}
    for event in home.events:
        if event.correlation_id.startswith("regime/"):
            groups.setdefault(event.correlation_id, []).append(
                event.by if isinstance(event, RegimeClassified) else type(event).__name__
            )

    assert home.model is not None
    assert len(groups) == home.model.asked == len(range(WARM, len(BARS) + 1, 2))
    assert {tuple(group) for group in groups.values()} == {("LlmCalled", "rule", "llm:oracle-1")}
    call = home.of(LlmCalled)[0]
    assert (call.purpose, call.symbol, call.strategy, call.number) == ("regime", SYMBOL, "", 0)
    assert SYMBOL.encode() in home.log.blob(call.prompt_sha)
    assert [e.tokens for e in home.of(RegimeClassified)[:2]] == [0, 120]


def test_kernel_when_nobody_classifies_then_nothing_is_written_of_regimes() -> None:
    home = RegimeHome("kernel")
    home.feed(BARS)

    assert not any(event.TOPIC.startswith("regime.") for event in home.events)
    assert home.classify("now").code == "REGIME_NOT_CLASSIFIED"


@pytest.mark.parametrize("layer", LAYERS)
def test_strategy_when_it_hears_of_regimes_then_goes_by_what_was_said_as_of_each_close(
    undisturbed: dict[Layer, RegimeHome], layer: Layer
) -> None:
    home = undisturbed[layer]
    said = home.of(RegimeClassified)
    signals = home.of(SignalRaised)

    against = 0
    for signal in signals:
        told = holding(said, SYMBOL, signal.bar + HOUR)
        assert signal.series["seen"] == (signal.series["ruled"] if told is None else told)
        against += signal.series["seen"] != signal.series["ruled"]
    assert len(signals) > 10
    assert against > 0


def test_strategy_when_a_word_is_over_and_no_other_came_then_goes_by_the_rule_again() -> None:
    bull = Oracle(lambda question: answer("strong_bull"))
    home = RegimeHome("llm", bull)
    home.feed(BARS[:120])
    home.trader.close()
    home.open("kernel")
    home.feed(BARS[120:])
    until = home.of(RegimeClassified)[-1].until
    signals = home.of(SignalRaised)

    assert until == START + 122 * HOUR
    told = [s for s in signals if START + 114 * HOUR < s.bar + HOUR <= until]
    later = [s for s in signals if s.bar + HOUR > until]
    assert {s.series["seen"] for s in told} == {2.0}
    assert all(s.series["seen"] == s.series["ruled"] for s in later)
    assert {s.series["seen"] for s in later} - {2.0}
    assert home.reproduced().first_difference is None


@pytest.mark.parametrize("layer", LAYERS)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_log_when_bars_are_cut_anywhere_and_the_home_is_killed_between_then_is_the_same(
    undisturbed: dict[Layer, RegimeHome], layer: Layer, data: st.DataObject
) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(BARS) - 1), min_size=1, max_size=4))
    kills = data.draw(st.sets(st.sampled_from(sorted(cuts))))
    home = home_of(layer)
    before = 0
    for cut in [*sorted(cuts), len(BARS)]:
        home.feed(BARS[before:cut])
        before = cut
        if cut in kills:
            if data.draw(st.booleans()):
                home.log.saved = None
            home.open()

    assert home.events == undisturbed[layer].events


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("answered", [0, 1])
@pytest.mark.parametrize("saved", [True, False], ids=["checkpoint", "replayed"])
def test_log_when_killed_while_a_symbol_waits_then_it_is_classified_before_another_bar(
    layer: Layer, answered: int, saved: bool
) -> None:
    whole = RegimeHome(layer, Oracle(), symbols=(SYMBOL, ETHER))
    stretch = (hours(130, 3), hours(130, 4))
    whole.feed(*stretch)
    first = next(n for n, e in enumerate(whole.events) if isinstance(e, RegimeClassified))
    group = whole.events[first].correlation_id
    ends = [n for n, e in enumerate(whole.events) if e.correlation_id == group]
    kept = ends[-1] + 1 if answered else ends[0]

    home = RegimeHome(layer, Oracle(), symbols=(SYMBOL, ETHER))
    checkpoints = Recorded(home)
    home.feed(*stretch)
    home.log = checkpoints.at(kept, saved)
    home.open()
    home.trader.step(tuple(bars[130:] for bars in (hours(131, 3), hours(131, 4)))).result()
    whole.feed(*(bars[130:] for bars in (hours(131, 3), hours(131, 4))))

    assert home.events == whole.events


def test_model_when_it_fails_then_the_rule_has_said_it_beside_the_call_and_its_code(
    undisturbed: dict[Layer, RegimeHome],
) -> None:
    home = RegimeHome("llm", Oracle(lambda question: ""))
    home.feed(BARS)
    said = home.of(RegimeClassified)

    assert {call.code for call in home.of(LlmCalled)} == {"LLM_TIMEOUT"}
    assert len(home.of(LlmCalled)) == len(said)
    assert [(each.by, each.tokens, each.cost) for each in said] == [("rule", 0, 0)] * len(said)
    assert [each.regime for each in said] == [
        each.regime for each in undisturbed["rule"].of(RegimeClassified)
    ]
    assert home.reproduced().first_difference is None


def test_cap_when_it_is_reached_then_no_more_is_asked_that_day_and_the_rule_goes_on() -> None:
    home = RegimeHome("llm", Oracle(), caps=Caps(tokens_per_day=7_000))
    home.feed(BARS)
    calls = home.of(LlmCalled)

    assert home.model is not None
    assert 0 < len(calls) == home.model.asked < 50
    assert sum(call.prompt_tokens + call.completion_tokens for call in calls) <= 7_000
    last = home.of(RegimeClassified)[-1]
    assert (last.by, last.until) == ("rule", START + HOUR * 222)


def test_replay_when_a_model_spoke_then_nothing_differs_and_it_is_not_asked_again(
    undisturbed: dict[Layer, RegimeHome],
) -> None:
    home = undisturbed["llm"]
    assert home.model is not None
    asked = home.model.asked

    found = home.reproduced()

    assert found.first_difference is None
    assert found.count == home.log.head()
    assert home.model.asked == asked


def test_replay_when_a_word_was_changed_then_what_was_traded_by_it_differs(
    undisturbed: dict[Layer, RegimeHome],
) -> None:
    home = RegimeHome("llm", Oracle())
    home.journal = undisturbed["llm"].journal
    opposite = {"bull": "weak_bear", "bear": "weak_bull"}
    events = [
        replace(event, regime=opposite[event.regime.partition("_")[2]])
        if isinstance(event, RegimeClassified) and "_" in event.regime
        else event
        for event in undisturbed["llm"].events
    ]
    home.log = MemoryLog(events)
    home.log.blobs = dict(undisturbed["llm"].log.blobs)

    difference = home.reproduced().first_difference

    assert difference is not None
    assert not isinstance(events[difference.position - 1], RegimeClassified)


def test_refresh_when_an_operator_asks_then_is_recorded_as_asked_and_holds_from_the_next_bar() -> (
    None
):
    home = home_of("rule")
    home.feed(BARS[:121])  # 120 is classified, 121 would not be
    before = len(home.of(RegimeClassified))
    reply = home.classify("refresh-1", SYMBOL)
    (asked,) = home.of(RegimeRefreshAsked)
    *_, forced = home.of(RegimeClassified)

    assert (reply.accepted, reply.events) == (True, (asked.event_id,))
    assert (asked.symbols, asked.actor, asked.reason) == (
        (SYMBOL,),
        "operator:ann",
        "a test says so",
    )
    assert len(home.of(RegimeClassified)) == before + 1
    assert (forced.forced, forced.causation_id) == (True, asked.event_id)
    assert (forced.effective_at, forced.until) == (START + 121 * HOUR, START + 122 * HOUR)
    again = home.classify("refresh-1", SYMBOL)
    assert (again.accepted, again.message) == (True, reply.message)
    assert home.classify("refresh-1").code == "COMMAND_ID_REUSED"
    assert home.classify("refresh-2", "DOGE-USDT").code == "INVALID_COMMAND"
    assert len(home.of(RegimeRefreshAsked)) == 1
    home.feed(BARS[121:])
    assert home.of(RegimeClassified)[before + 1].effective_at == START + 122 * HOUR
    assert home.reproduced().first_difference is None


def test_refresh_when_no_engine_runs_then_the_model_is_asked_at_once_and_for_nothing_else() -> None:
    home = home_of("llm")
    home.feed(BARS[:121])
    assert home.model is not None
    asked = home.model.asked
    home.when = "asked"
    home.open()
    home.feed(BARS[121:125])

    reply = home.classify("refresh-1")

    assert reply.accepted
    assert home.model.asked == asked + 1
    rule, said = home.of(RegimeClassified)[-2:]
    assert (rule.by, said.by, said.forced) == ("rule", "llm:oracle-1", True)
    assert said.effective_at == START + 125 * HOUR
    home.when = "held"
    home.open()
    home.feed(BARS[125:])
    assert home.reproduced().first_difference is None


def test_model_when_bars_are_live_then_trading_goes_on_and_it_counts_from_the_bar_after() -> None:
    gate = threading.Event()

    def slowly(question: str) -> str:
        assert gate.wait(10)
        return answer("strong_bear")

    home = RegimeHome("llm", Oracle(slowly), when="background")
    home.feed(BARS[:115])
    assert home.trader.tend() is None  # asks
    home.feed(BARS[115:116])
    assert home.trader.tend() is None  # goes on without
    assert home.of(RegimeClassified) == []
    gate.set()
    deadline = time.monotonic() + 10
    while (done := home.trader.tend()) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done is not None
    assert done.result() == home.log.head()
    said = home.of(RegimeClassified)[-1]
    assert (said.effective_at, said.until) == (START + 116 * HOUR, START + 118 * HOUR)
    home.feed(BARS[116:130])
    home.trader.close()
    assert home.reproduced().first_difference is None


def test_layer_when_the_home_is_opened_again_then_goes_on_and_is_written_once() -> None:
    home = home_of("rule")
    home.feed(BARS[:116])
    home.open()
    home.open("rule")
    assert [each.layer for each in home.of(RegimeLayerSet)] == ["rule"]
    home.feed(BARS[116:120])
    home.open("kernel")
    count = len(home.of(RegimeClassified))
    home.feed(BARS[120:130])
    assert [each.layer for each in home.of(RegimeLayerSet)] == ["rule", "kernel"]
    assert len(home.of(RegimeClassified)) == count
    home.open("rule")
    home.feed(BARS[130:133])
    assert home.of(RegimeClassified)[count].effective_at == START + 131 * HOUR
    assert home.reproduced().first_difference is None


def test_market_when_it_stands_still_then_nothing_is_said_of_it_until_it_moves() -> None:
    home = home_of("rule")
    torn = np.delete(BARS, np.arange(130, 140))
    home.feed(torn)
    starts = [(each.effective_at - START) // HOUR for each in home.of(RegimeClassified)]

    assert starts == [*range(WARM, 131, 2), 141, *range(142, 221, 2)]
    assert home.reproduced().first_difference is None


@pytest.mark.parametrize("saved", [True, False], ids=["checkpoint", "replayed"])
def test_log_when_killed_and_opened_without_the_model_then_bars_behind_are_left_to_who_has_it(
    undisturbed: dict[Layer, RegimeHome], saved: bool
) -> None:
    whole = undisturbed["llm"]
    call = next(n for n, e in enumerate(whole.events) if isinstance(e, LlmCalled))
    home = home_of("llm")
    checkpoints = Recorded(home)
    home.feed(BARS)
    home.log = checkpoints.at(call, saved)

    model, home.model = home.model, None
    home.open()
    assert home.trader.last_bar == START + HOUR * (WARM - 1)
    assert home.events == whole.events[:call]
    home.model = model
    home.open()

    assert home.events == whole.events


class Recorded:
    """Remembers the checkpoint that stood at each length of a log."""

    def __init__(self, home: RegimeHome) -> None:
        self.log = home.log
        self.saved: dict[int, Checkpoint | None] = {}
        home.log.append = self.append  # type: ignore[method-assign]

    def append(self, batch: Batch) -> int:
        position = MemoryLog.append(self.log, batch)
        self.saved[position] = self.log.saved
        return position

    def at(self, length: int, saved: bool) -> MemoryLog:
        log = MemoryLog([entry.event for entry in self.log.entries[:length]])
        log.blobs = dict(self.log.blobs)
        log.saved = self.saved[length] if saved else None
        return log
