"""What a step of trials leaves out, and what it may pass over."""

from pathlib import Path

import pytest

from kernels import ir
from kernels.frontend.flat import Phase
from kernels.lean import lean
from kernels.program import compile_strategy
from kernels.stages import Unit
from kernels.trial_step import TrialStep, trial_step
from tests.kernel_runs import SHIPPED

KNOWN = {
    ("control", "entries_off"): 0.0,
    ("control", "flatten"): 0.0,
    ("limits", "enforced"): 1.0,
    ("market", "perpetual"): 1.0,
}


def step_of(path: Path, **changes: float) -> TrialStep:
    flat = compile_strategy(path.read_text(), path.stem, several=True).flat
    return trial_step(flat, KNOWN | {("market", name): value for name, value in changes.items()})


def set_by(step: TrialStep) -> set[str]:
    targets = (target for statements in step.lists for target in ir.targets(statements))
    return {f"{t.record}.{t.name}" for t in targets if isinstance(t, ir.Field)}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_step_when_the_strategy_is_a_shipped_one_then_passes_over_idle_symbols(path: Path) -> None:
    step = step_of(path)
    assert step.rests
    left_out = {"account.peak", "account.drawdown", "account.all_fees", "held.worst", "held.tag"}
    assert not set_by(step) & left_out
    assert {"account.equity", "account.profit", "account.ruined", "held.side"} <= set_by(step)


def test_step_when_series_have_few_choices_then_shares_them_whatever_sets_are_tried() -> None:
    def shared(name: str) -> list[set[str]]:
        path = next(path for path in SHIPPED if path.stem == name)
        return [set(unit.parameters) for unit in step_of(path).shared]

    assert shared("vwap_reversion") == [{"lookback"}, set()]
    assert shared("ema_trend") == [{"period"}]  # fast and more have 6,000 choices
    assert shared("supertrend_follow") == []  # its factor is no whole number


def test_step_when_slippage_is_not_dynamic_then_reads_one_line_of_a_bar() -> None:
    path = SHIPPED[0]
    assert len(step_of(path, dynamic=0.0).looked_at) == 8
    assert step_of(path).looked_at[8:] == ("turnover", "range")


def test_step_when_the_strategy_was_read_for_one_symbol_then_is_refused() -> None:
    flat = compile_strategy(SHIPPED[0].read_text(), "one").flat
    with pytest.raises(ValueError, match="phases of one were none, must be"):
        trial_step(flat, KNOWN)


def field(name: str) -> ir.Field:
    return ir.Field("account", name, ir.ACCOUNT)


def test_lean_when_fields_only_read_each_other_then_leaves_them_out() -> None:
    one, two, kept = field("all_fees"), field("peak"), field("cash")
    variable = ir.Var("v_sum", "num", ir.ACCOUNT)
    more = ir.Set(kept, ir.Binary("+", kept, ir.Num(1.0)))
    phases = [
        Phase("once", (ir.Set(one, ir.Binary("+", one, two)), more)),
        Phase("once", (ir.Set(variable, one), ir.Set(two, variable))),
    ]
    assert lean(phases, {}, [("account", "cash")]) == [[more], []]


def test_lean_when_a_field_decides_a_branch_then_keeps_what_it_is_made_of() -> None:
    high, equity, ruined = field("high"), field("equity"), field("ruined")
    made = ir.Set(high, equity)
    branch = ir.If(ir.Binary(">", high, ir.Num(0.0)), (ir.Set(ruined, ir.Num(1.0)),), ())
    phases = [Phase("once", (made, branch))]
    assert lean(phases, {}, [("account", "ruined")]) == [[made, branch]]
    assert lean(phases, {}, [("account", "cash")]) == [[]]


def test_units_when_shared_then_are_read_by_the_accounts_own() -> None:
    step = step_of(next(path for path in SHIPPED if path.stem == "vwap_reversion"))
    rows = {name for unit in step.shared for name in unit.rows}
    assert rows <= read_by(step.unit)


def read_by(unit: Unit) -> set[str]:
    expressions = [*ir.expressions(unit.statements), *unit.rows.values()]
    fields = (f for expr in expressions for f in ir.leaves(expr, ir.Field))
    return {f.name for f in fields if f.record == "row"}
