"""Ids are pure functions of what they name."""

from hypothesis import given
from hypothesis import strategies as st

from domain import ids


def test_order_id_when_any_part_differs_then_differs() -> None:
    base = ("portfolio/paper/a/v1/A", 60_000, "BTC-USDT", "entry", 1)
    others = [
        ("portfolio/paper/a/v1/B", *base[1:]),
        (base[0], 120_000, *base[2:]),
        (*base[:2], "ETH-USDT", *base[3:]),
        (*base[:3], "stop", 1),
        (*base[:4], 2),
    ]
    made = {ids.order_id(*parts) for parts in [base, *others]}
    assert len(made) == 6
    assert ids.order_id(*base) == ids.order_id(*base)
    assert all(len(name) == 32 for name in made)


def test_signals_stream_when_the_month_turns_then_turns_at_midnight_utc() -> None:
    february = 1_706_745_600_000
    assert ids.signals_stream("x", february - 1) == "signals/x/2024-01"
    assert ids.signals_stream("x", february) == "signals/x/2024-02"


@given(st.integers(0, 2**52))
def test_step_bar_when_given_a_steps_correlation_then_gives_its_bar(bar: int) -> None:
    assert ids.step_bar(ids.step_correlation(bar)) == bar
    assert ids.step_bar(ids.command_correlation(str(bar))) is None
