"""The reference of the evidence holds: every figure is in it, and its numbers are those used."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernels.metrics import bootstrap, daily_money, deflated, overfitting, proportions
from kernels.metrics.resampling import block_length

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Evidence")[1].split("\n## ")[0]
ROWS = {row.split("`")[1]: row for row in SECTION.splitlines() if row.startswith("| `")}
FIGURES: list[Callable[..., Any]] = [
    daily_money.sharpe_of,
    daily_money.moments_of,
    deflated.deflated_sharpe,
    bootstrap.paired_p,
    bootstrap.interval,
    bootstrap.sharpe_interval,
    overfitting.overfitting,
    proportions.difference,
    proportions.p_value,
    proportions.false_discoveries,
]


def default(figure: Callable[..., Any], name: str) -> Any:
    return inspect.signature(figure).parameters[name].default


def test_figures_when_listed_in_the_reference_then_none_is_missing_or_unknown() -> None:
    assert list(ROWS) == [figure.__name__ for figure in FIGURES]


def test_numbers_when_told_in_the_reference_then_are_those_used() -> None:
    resamples, level = (default(bootstrap.interval, name) for name in ("resamples", "level"))
    rank = bootstrap.rank_of(resamples, level)
    words = f"{level:.0%}".replace("%", " %")
    assert ROWS["interval"].startswith(f"| `interval` | {words}")
    assert f"the {rank}th lowest and the {rank}th highest of {resamples:,}" in ROWS["interval"]
    assert default(overfitting.overfitting, "blocks") == 10
    assert "half of ten blocks" in ROWS["overfitting"]
    assert default(proportions.false_discoveries, "rate") == pytest.approx(1 / 10)
    assert "at most a tenth" in ROWS["false_discoveries"]
    assert deflated.PLACES == 8
    assert "rounded to eight places" in ROWS["deflated_sharpe"]
    assert block_length(1000) == 10
    assert "n^(1/3) days long on average" in SECTION
