"""Events keep their meaning and their bytes through the store."""

import importlib
import json
import pkgutil
import subprocess
import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest

import domain
from domain.event import TOPICS, Event
from domain.portfolio.events import FundingPaid
from domain.signals import SignalRaised
from infrastructure.store.errors import EventRefused, UnreadableEvent
from infrastructure.store.mapper import MsgspecMapper, Upcaster
from tests.event_samples import history
from tests.store_samples import ACCOUNT, mark


class Happened(Event, frozen=True, kw_only=True):
    """A test's own event: its second shape, known to a test's own mapper alone."""

    TOPIC = "test.happened/3"

    amount: Decimal
    unit: str


def old_state(**fields: Any) -> bytes:
    envelope = {
        "stream": "s",
        "stream_version": 1,
        "kind": "input",
        "occurred_at": 1,
        "correlation_id": "c",
        "actor": "a",
    }
    return json.dumps({**envelope, **fields}).encode()


def to_v2(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "amount": str(Decimal(fields.pop("cents")) / 100)}


def to_v3(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "unit": "quote"}


def to_old(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "amount": fields["cash"], "unit": "quote"}


UPCASTERS = {
    "test.happened/1": Upcaster("test.happened/2", to_v2),
    "test.happened/2": Upcaster("test.happened/3", to_v3),
}


def funding(rate: float) -> FundingPaid:
    return FundingPaid(
        stream=ACCOUNT,
        stream_version=7,
        kind="derived",
        occurred_at=1,
        correlation_id="step/1",
        actor="engine",
        symbol="BTC-USDT-PERP",
        rate=rate,
        amount=Decimal("1.00000000"),
    )


def test_mapper_when_event_is_encoded_then_decodes_to_equal_event_and_equal_bytes() -> None:
    mapper = MsgspecMapper()
    for event in history(seed=3, steps=400):
        row = mapper.to_row(event)
        again = mapper.to_event(row.topic, row.state)
        assert again == event
        assert type(again) is type(event)
        assert mapper.to_row(again) == row
        assert (row.stream, row.version) == (event.stream, event.stream_version)
        assert row.correlation_id == event.correlation_id


def test_mapper_when_decimal_has_trailing_zeros_then_keeps_them() -> None:
    row = MsgspecMapper().to_row(mark(1))
    assert b'"cash":"16999.00000000"' in row.state
    assert b"\n" not in row.state


def test_mapper_when_stored_event_goes_through_the_library_then_comes_back_equal() -> None:
    mapper = MsgspecMapper()
    stored = mapper.to_stored_event(mark(4))
    assert (stored.originator_id, stored.originator_version) == (ACCOUNT, 4)
    assert mapper.to_domain_event(stored) == mark(4)


def test_mapper_when_topic_is_old_then_upcasts_through_every_version() -> None:
    mapper = MsgspecMapper({**TOPICS, "test.happened/3": Happened}, UPCASTERS)
    first = mapper.to_event("test.happened/1", old_state(cents=1234))
    second = mapper.to_event("test.happened/2", old_state(amount="12.34"))
    third = mapper.to_event("test.happened/3", old_state(amount="12.34", unit="quote"))
    assert first == second == third
    assert isinstance(first, Happened)
    assert first.amount == Decimal("12.34")


def test_mapper_when_upcasters_go_in_a_circle_then_says_so() -> None:
    circle = {"a/1": Upcaster("a/2", dict), "a/2": Upcaster("a/1", dict)}
    with pytest.raises(UnreadableEvent, match=r"^topic 'a/1' is upcast in a circle"):
        MsgspecMapper(TOPICS, circle).to_event("a/1", b"{}")


def test_mapper_when_topic_is_an_old_shape_then_reads_but_never_writes_it() -> None:
    upcasters = {"portfolio.equity_marked/2": Upcaster("test.happened/3", to_old)}
    mapper = MsgspecMapper({**TOPICS, "test.happened/3": Happened}, upcasters)
    with pytest.raises(EventRefused, match="old shape"):
        mapper.to_row(mark(1))
    state = MsgspecMapper().to_row(mark(1)).state
    assert isinstance(mapper.to_event("portfolio.equity_marked/2", state), Happened)


def test_mapper_when_topic_is_unknown_then_names_it() -> None:
    with pytest.raises(UnreadableEvent, match=r"'portfolio\.teleported/9' is unknown"):
        MsgspecMapper().to_event("portfolio.teleported/9", b"{}")


def test_mapper_when_state_lacks_a_field_then_names_topic_and_field() -> None:
    with pytest.raises(UnreadableEvent, match=r"equity_marked/2.*cash"):
        MsgspecMapper().to_event("portfolio.equity_marked/2", old_state())


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), float("-inf")])
def test_mapper_when_number_is_not_finite_then_refuses_and_names_event(rate: float) -> None:
    with pytest.raises(EventRefused, match=rf"funding_paid/1 {ACCOUNT}@7"):
        MsgspecMapper().to_row(funding(rate))


def test_mapper_when_optional_number_is_infinite_then_refuses_rather_than_lose_it() -> None:
    signal = next(e for e in history(seed=3, steps=400) if isinstance(e, SignalRaised))
    lost = msgspec.structs.replace(signal, target=float("inf"))
    with pytest.raises(EventRefused, match="not finite"):
        MsgspecMapper().to_row(lost)


def test_mapper_when_field_has_wrong_type_then_refuses() -> None:
    wrong = msgspec.structs.replace(mark(1), occurred_at="noon")
    with pytest.raises(EventRefused, match="occurred_at"):
        MsgspecMapper().to_row(wrong)


def test_mapper_when_stream_holds_a_newline_then_refuses() -> None:
    with pytest.raises(EventRefused, match="newline"):
        MsgspecMapper().to_row(mark(1, stream="a\nb"))


def test_mapper_when_class_is_not_registered_then_refuses_by_name() -> None:
    event = msgspec.json.decode(old_state(amount="1", unit="x"), type=Happened)
    with pytest.raises(EventRefused, match="Happened has no registered topic"):
        MsgspecMapper().to_row(event)


def test_mapper_when_imported_alone_then_knows_every_topic_of_the_domain() -> None:
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)
    code = "from infrastructure.store.mapper import TOPICS; print(*sorted(TOPICS))"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert alone.stdout.split() == sorted(TOPICS)
