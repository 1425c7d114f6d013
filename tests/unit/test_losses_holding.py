"""How long trades may be held, read off a file's own words."""

import pytest

from application.improvement.losses.holding import LONGEST, OTHERWISE, Holding, holding
from kernels.errors import ParameterError
from kernels.program import Program, compile_strategy
from tests.kernel_runs import SHIPPED, program_of


def planned(*plans: str) -> Program:
    """A strategy of the hour whose exits() gives the first plan in a rising market."""
    first, *others = plans
    body = f"    if close > open:\n        return {first}\n" if others else ""
    text = f'''"""Any."""
timeframe("1h")
hold = param(10, 1, 400)  # bars
more = param(3, 1, 9)
twice = hold * 2 - more

def entry():
    return LONG

def exits():
{body}    return {(others or plans)[-1]}
'''
    return compile_strategy(text, "any")


@pytest.mark.parametrize(
    ("plan", "bars"),
    [
        ("plan(stop=1.0, max_bars=7)", 7),
        ("plan(1.0, 2.0, 7)", 7),
        ("plan(stop=1.0, max_bars=hold)", 10),
        ("plan(stop=1.0, max_bars=twice + 0.5)", 18),  # 17.5 are over at the eighteenth close
        ("plan(stop=1.0, max_minutes=150)", 3),
        ("plan(stop=1.0, max_bars=hold, max_minutes=60 * more)", 3),
        ("plan(stop=1.0, max_bars=hold - 10)", 1),
        ("plan(stop=1.0)", None),
        ("plan(stop=1.0, max_bars=position.bars)", None),
    ],
)
def test_holding_when_a_plan_names_a_length_then_is_that_of_its_first_clock(
    plan: str, bars: int | None
) -> None:
    assert holding(planned(plan), {}) == Holding(bars, OTHERWISE if bars is None else bars)


def test_holding_when_plans_differ_then_the_longest_is_followed_and_none_is_of_all() -> None:
    first, second = "plan(stop=1.0, max_bars=hold)", "plan(stop=1.0, max_bars=4)"
    assert holding(planned(first, second), {}) == Holding(None, 10)
    assert holding(planned(first, "plan(stop=1.0)"), {}) == Holding(None, 10)
    assert holding(planned(first, first), {}) == Holding(10, 10)


def test_holding_when_parameters_are_given_then_takes_them() -> None:
    program = planned("plan(stop=1.0, max_bars=hold)")
    assert holding(program, {"hold": 400}) == Holding(400, LONGEST)
    with pytest.raises(ParameterError, match="hold was 401"):
        holding(program, {"hold": 401})


def test_holding_when_strategies_are_shipped_then_all_have_one_but_those_with_a_session() -> None:
    found = {path.stem: holding(program_of(path), {}).all for path in SHIPPED}
    assert [name for name, bars in found.items() if bars is None] == ["session_breakout"]
    assert found["vwap_reversion"] == 12
