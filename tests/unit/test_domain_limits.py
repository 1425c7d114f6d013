"""Safety limits: constants that nobody sets, and tightened ones that nobody loosens."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.cause import Cause
from domain.errors import Forbidden, InvalidCommand
from domain.limits import Limits, effective
from domain.tightening import (
    BOUNDS,
    InForce,
    LimitTightened,
    NotTighter,
    Tighten,
    UnknownLimit,
    decide,
    evolve,
    figure,
)

CAUSE = Cause("command/1", "", "operator:ann", 60_000, 60_000)
BEGIN = InForce(effective())


def tighten(state: InForce, name: str, value: str, reason: str = "a test") -> LimitTightened:
    (event,) = decide(state, Tighten(cause=CAUSE, name=name, value=Decimal(value), reason=reason))
    return event


def test_limits_when_somebody_sets_one_then_it_is_refused() -> None:
    with pytest.raises(AttributeError):
        effective().day_loss = Decimal(10**9)  # type: ignore[misc]


def test_limits_when_they_are_listed_for_tightening_then_none_is_left_out() -> None:
    assert set(BOUNDS) == set(Limits.__struct_fields__) - {"enforced", "leverage"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("day_loss", "499.99999999"),
        ("week_loss", "1"),
        ("month_loss", "3999"),
        ("rapid_loss", "20"),
        ("losses", "1"),
        ("pause", "7200000"),
        ("margin_fraction", "0"),
        ("margin_absolute", "999.5"),
        ("notional_multiple", "2.5"),
        ("positions", "0"),
    ],
)
def test_limit_when_tightened_then_is_recorded_with_who_and_why_and_holds(
    name: str, value: str
) -> None:
    event = tighten(BEGIN, name, value, "because")
    assert (event.old, event.new) == (figure(BEGIN.limits, name), Decimal(value))
    assert (event.actor, event.reason, event.effective_at) == ("operator:ann", "because", 60_000)
    assert (event.stream, event.stream_version, event.kind) == ("limits", 1, "input")
    state = evolve(BEGIN, event)
    assert figure(state.limits, name) == Decimal(value)
    assert type(getattr(state.limits, name)) is type(getattr(BEGIN.limits, name))
    assert replace(state.limits, **{name: getattr(BEGIN.limits, name)}) == BEGIN.limits


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("day_loss", "500", "day_loss was 500, must be below 500, down to 1 quote"),
        ("day_loss", "501", "day_loss was 501, must be below 500, down to 1 quote"),
        ("day_loss", "0.5", "day_loss was 0.5, must be below 500, down to 1 quote"),
        ("day_loss", "-1", "day_loss was -1, must be below 500"),
        ("month_loss", "1E+30", r"month_loss was 1E\+30, must be below 4000"),
        ("pause", "3600000", "pause was 3600000, must be above 3600000, up to 2592000000 ms"),
        ("pause", "1", "pause was 1, must be above 3600000"),
        ("positions", "11", "positions was 11, must be below 10, down to 0 positions"),
    ],
)
def test_limit_when_it_would_be_loosened_then_names_field_value_and_what_is_allowed(
    name: str, value: str, message: str
) -> None:
    with pytest.raises(NotTighter, match=message):
        tighten(BEGIN, name, value)


def test_limit_when_tightened_before_then_that_is_what_it_is_held_to() -> None:
    state = evolve(BEGIN, tighten(BEGIN, "day_loss", "100"))
    with pytest.raises(NotTighter, match="day_loss was 300, must be below 100"):
        tighten(state, "day_loss", "300")
    state = evolve(state, tighten(state, "positions", "0"))
    with pytest.raises(NotTighter, match="left at 0 positions: it cannot be tighter"):
        tighten(state, "positions", "0")


@pytest.mark.parametrize(
    ("name", "value", "reason", "message"),
    [
        ("day_loss", "NaN", "r", "day_loss was 'NaN', must be a number of quote"),
        ("day_loss", "-Infinity", "r", "must be a number of quote"),
        ("losses", "1.5", "r", "losses was '1.5', must be a whole number of trades in a row"),
        ("day_loss", "1.000000001", "r", "at most 8 places"),
        ("day_loss", "100", "  ", "reason was '  ', must be 1 to 1000 characters"),
        ("day_loss", "100", "r" * 1001, "must be 1 to 1000 characters"),
    ],
)
def test_limit_when_the_command_makes_no_sense_then_names_the_field(
    name: str, value: str, reason: str, message: str
) -> None:
    with pytest.raises(InvalidCommand, match=message):
        tighten(BEGIN, name, value, reason)


@pytest.mark.parametrize("name", ["enforced", "leverage", "spread", ""])
def test_limit_when_there_is_none_of_that_name_then_lists_those_there_are(name: str) -> None:
    with pytest.raises(UnknownLimit, match=f"limit was '{name}', must be one of: day_loss, "):
        tighten(BEGIN, name, "1")


VALUES = st.decimals(-10, 10**10, places=4, allow_nan=False) | st.sampled_from(
    [Decimal("NaN"), Decimal("Infinity"), Decimal(0), Decimal(1), Decimal(2)]
)


@given(st.lists(st.tuples(st.sampled_from(sorted(BOUNDS)), VALUES), max_size=30))
def test_limits_when_tightened_at_random_then_none_is_ever_looser_than_before(
    asked: list[tuple[str, Decimal]],
) -> None:
    state = BEGIN
    for name, value in asked:
        before = state.limits
        try:
            events = decide(state, Tighten(cause=CAUSE, name=name, value=value, reason="r"))
        except Forbidden:
            continue
        for event in events:
            state = evolve(state, event)
        for each, bound in BOUNDS.items():
            old, new = figure(before, each), figure(state.limits, each)
            assert new >= old if bound.upwards else new <= old
        assert figure(state.limits, name) == value


def test_evolve_when_a_recorded_event_would_loosen_then_the_limit_stays() -> None:
    event = tighten(BEGIN, "day_loss", "100")
    loose = replace(event, old=Decimal(100), new=Decimal(400), stream_version=2)
    tight = evolve(BEGIN, event)
    assert evolve(tight, loose) == InForce(tight.limits, 2)
    odd = replace(event, name="enforced", new=Decimal(0))
    assert evolve(BEGIN, odd).limits == BEGIN.limits
