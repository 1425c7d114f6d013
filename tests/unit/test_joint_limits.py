"""Entries of one close, judged across accounts: their order, and what a refusal takes with it."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from application.joint_limits import JointLimits, Stake
from domain.entries import Approved
from domain.event import Side
from domain.venue_limits import Correlations, Holding, Market, judge_across

D = Decimal
SYMBOLS = ("BTC", "ETH", "SOL", "ADA")
TIGHT = dict.fromkeys(SYMBOLS, D("0.001"))
RICH = D(1_000_000)


class Known:
    """Correlations as a test says; counts how often it is asked."""

    def __init__(self, **pairs: str) -> None:
        self.pairs = {frozenset(pair.split("_")): D(value) for pair, value in pairs.items()}
        self.asked = 0

    def all_of(self, symbol: str, others: Sequence[str], at: int) -> Correlations:
        self.asked += 1
        return {pair: value for pair, value in self.pairs.items() if symbol in pair}


def held(account: str, symbol: str, side: Side = "long", notional: int = 1_000) -> Holding:
    return Holding(account, symbol, side, D(notional))


def judge(
    entries: Sequence[Holding],
    stakes: Sequence[Stake] = (),
    equity: Decimal | None = RICH,
    spreads: dict[str, Decimal | None] | None = None,
    known: Known | None = None,
) -> list[tuple[str, str, str, tuple[str, ...]]]:
    limits = JointLimits(SYMBOLS, known or Known())
    given_spreads = dict(TIGHT) if spreads is None else spreads
    found = limits.judge(60_000, entries, stakes, equity, given_spreads)
    assert {refusal.at for refusal in found} <= {60_000}
    return [(r.account, r.symbol, r.code, r.withdrawn) for r in found]


def test_entries_when_of_one_close_then_are_judged_by_name_and_then_by_symbol() -> None:
    entries = [held("b", "ETH"), held("b", "BTC"), held("a", "ETH"), held("c", "SOL")]
    direction = "RISK_ACCOUNTS_PER_DIRECTION"
    # b's BTC was approved before its ETH was refused, and goes with it: c may have it
    assert judge([*entries, held("c", "BTC")]) == [("b", "ETH", direction, ("BTC", "ETH"))]


def test_refusal_when_an_earlier_entry_of_the_account_still_waits_then_takes_it_along() -> None:
    waiting = [Stake(held("b", "SOL"), True), Stake(held("b", "ADA"), False)]
    taken = [Stake(held("a", "BTC"), False)]
    entries = [held("b", "BTC"), held("c", "SOL"), held("c", "ADA")]
    assert judge(entries, [*waiting, *taken]) == [
        ("b", "BTC", "RISK_ACCOUNTS_PER_DIRECTION", ("BTC", "SOL")),
        ("c", "ADA", "RISK_ACCOUNTS_PER_DIRECTION", ("SOL", "ADA")),  # b's position stays
    ]


def test_entry_when_a_third_account_asks_then_is_refused_whichever_way() -> None:
    both = [Stake(held("a", "BTC"), False), Stake(held("b", "BTC", "short"), True)]
    for side in ("long", "short"):
        (refused,) = judge([Holding("c", "BTC", side, D(10))], both)  # type: ignore[arg-type]
        assert refused[2] == "RISK_ACCOUNTS_PER_DIRECTION"
    assert judge([held("a", "BTC", "short")], both[:1]) == []  # what it reverses is its own


def test_entry_when_a_figure_is_missing_then_is_refused() -> None:
    entry = held("a", "BTC")
    missing = [("a", "BTC", "RISK_FIGURE_MISSING", ("BTC",))]
    assert judge([entry], spreads={}) == missing
    assert judge([entry], spreads=dict.fromkeys(SYMBOLS)) == missing
    assert judge([entry], equity=None) == missing
    assert judge([entry], equity=D(0)) == missing
    assert judge([Holding("a", "BTC", "long", None)]) == missing
    assert judge([entry], [Stake(Holding("b", "ETH", "long", None), False)]) == missing
    wide: dict[str, Decimal | None] = {"BTC": D("0.006")}
    assert judge([entry], spreads=wide) == [("a", "BTC", "RISK_SPREAD", ("BTC",))]


def test_entry_when_all_move_together_then_is_one_bet_with_them() -> None:
    stakes = [Stake(held("b", "ETH", notional=1_500), False)]
    refused = [("a", "BTC", "RISK_CORRELATED", ("BTC",))]
    entry = [held("a", "BTC", notional=600)]
    assert judge(entry, stakes, D(1_000)) == refused  # not known: counts as 1
    assert judge(entry, stakes, D(1_000), known=Known(BTC_ETH="0.8")) == refused
    assert judge(entry, stakes, D(1_000), known=Known(BTC_ETH="0.79")) == []
    against = [Stake(held("b", "ETH", "short", 1_500), False)]
    assert judge(entry, against, D(1_000)) == []
    assert judge(entry, against, D(1_000), known=Known(BTC_ETH="-0.8")) == refused


SIDES = st.sampled_from(("long", "short"))
HELD = st.builds(
    Holding,
    st.sampled_from(("a", "b", "c")),
    st.sampled_from(SYMBOLS),
    SIDES,
    st.integers(1, 3_000).map(D),
)
PAIRS = [f"{one}_{other}" for n, one in enumerate(SYMBOLS) for other in SYMBOLS[n + 1 :]]
VALUES = st.sampled_from(("-1", "-0.8", "-0.5", "0", "0.79", "0.8", "1"))


@given(HELD, st.lists(HELD, max_size=6), st.dictionaries(st.sampled_from(PAIRS), VALUES))
def test_entry_when_correlations_are_not_asked_for_then_they_would_not_have_mattered(
    entry: Holding, others: list[Holding], pairs: dict[str, str]
) -> None:
    equity, known = D(4_000), Known(**pairs)
    market = Market(equity, D("0.001"), known.pairs)
    expected = judge_across(entry, others, market)
    found = judge([entry], [Stake(other, False) for other in others], equity, known=known)
    assert (found == []) == isinstance(expected, Approved)
    if not isinstance(expected, Approved):
        assert found[0][2] == expected.code
