"""Caps hold for every UTC day, whatever calls come to; costs are exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.model.budget import Caps, Spent, cost, day_of, over

NOON = 1_709_208_000_000  # 2024-02-29 12:00 UTC
PRICES = st.decimals(0, 1000, places=6)


@given(PRICES, PRICES, st.integers(0, 10**10), st.integers(0, 10**10))
def test_cost_when_summed_over_calls_then_it_is_that_of_their_tokens(
    price_in: Decimal, price_out: Decimal, prompt: int, completion: int
) -> None:
    caps = Caps(tokens_per_day=1, price_in=price_in, price_out=price_out)

    parts = cost(caps, prompt, 0) + cost(caps, 0, completion)

    assert parts == cost(caps, prompt, completion)
    assert parts * 1_000_000 == price_in * prompt + price_out * completion


@given(
    st.integers(0, 2_000),
    st.decimals(0, 2, places=4),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=30),
)
def test_caps_when_calls_stay_within_what_was_asked_then_no_cap_is_ever_broken(
    tokens: int, dollars: Decimal, calls: list[tuple[int, int]]
) -> None:
    caps = Caps(
        tokens_per_day=tokens,
        dollars_per_day=dollars,
        price_in=Decimal(300),
        price_out=Decimal(1200),
    )
    spent = Spent()
    for prompt, completion in calls:
        if not over(caps, spent, prompt, completion, NOON):
            spent = Spent(
                tokens=spent.tokens + prompt + completion,
                dollars=spent.dollars + cost(caps, prompt, completion),
            )

    assert spent.tokens <= tokens
    assert spent.dollars <= dollars


def test_caps_when_a_call_would_just_fit_then_it_may_be_made() -> None:
    caps = Caps(tokens_per_day=100)

    assert over(caps, Spent(tokens=40), 30, 30, NOON) == ""
    assert over(caps, Spent(tokens=40), 30, 31, NOON) == (
        "tokens today were 40 and the next call may take 61, must be at most 100 "
        "(PERPETUA_LLM_TOKENS_PER_DAY); calls open again at 2024-03-01 00:00 UTC"
    )


def test_caps_when_a_call_would_cost_too_much_then_it_is_said_in_dollars() -> None:
    caps = Caps(tokens_per_day=10**9, dollars_per_day=Decimal("0.5"), price_in=Decimal(1))

    assert over(caps, Spent(dollars=Decimal("0.4")), 200_000, 0, NOON) == (
        "dollars today were 0.4 and the next call may cost 0.2, must be at most 0.5 "
        "(PERPETUA_LLM_DOLLARS_PER_DAY); calls open again at 2024-03-01 00:00 UTC"
    )


@pytest.mark.parametrize(("moment", "day"), [(0, 0), (86_399_999, 0), (86_400_000, 1)])
def test_day_when_asked_for_then_it_is_the_utc_one(moment: int, day: int) -> None:
    assert day_of(moment) == day
