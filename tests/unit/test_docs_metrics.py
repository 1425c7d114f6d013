"""The reference of the figures holds: every figure is in it, and its numbers are those used."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from api.report.groups import REASONS
from application.report_figures import Figures, bar_of
from domain.gate import Gate
from kernels.metrics.breakdowns import CUTS
from kernels.metrics.curve import CurveStatistics
from kernels.metrics.drawdown import Drawdown
from kernels.metrics.quality import HALF_TRADES, WEIGHTS
from kernels.metrics.sharpe import SharpeEvidence
from kernels.metrics.trades import Trade, TradeStatistics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
TIMES_AND_NAMES = {"symbol", "entry_at", "exit_at"}


@pytest.mark.parametrize(
    "record", [TradeStatistics, CurveStatistics, Drawdown, SharpeEvidence, Trade]
)
def test_figures_when_listed_in_the_reference_then_none_is_missing(record: type) -> None:
    names = {field.name for field in fields(record)} - TIMES_AND_NAMES
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_groups_when_listed_in_the_reference_then_none_is_missing() -> None:
    for name in Figures.__struct_fields__:
        assert f"`figures.{name}`" in PAGE or f"`{name}`" in PAGE, name
    for cut in CUTS:
        assert f"`{cut}`" in PAGE


def test_weights_when_told_in_the_reference_then_are_those_used() -> None:
    table = PAGE.split("## Quality")[1].split("\n## ")[0]
    told = re.findall(r"^\| `(\w+)`(?: \w)? \| (\d+) \|", table, re.MULTILINE)
    assert {name: int(points) for name, points in told} == WEIGHTS
    assert f"n / (n + {HALF_TRADES})" in table


def test_bar_when_told_in_the_reference_then_is_the_one_used() -> None:
    table = PAGE.split("## Ready for allocation")[1].split("\n## ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert set(told) == set(REASONS)
    bar = bar_of(Gate())
    for code, words in {
        "GATE_TRADES": f"{bar.trades} trades",
        "GATE_WIN_RATE": f"win rate {bar.win_rate}",
        "GATE_PROFIT_FACTOR": f"profit factor {bar.profit_factor}",
        "GATE_NET": f"net {bar.net}",
        "READY_SHARPE": f"ratio {bar.probabilistic_sharpe}",
        "READY_DRAWDOWN": f"at most {bar.drawdown:.0%}".replace("%", " %"),
        "READY_DAYS": f"{bar.days} days",
    }.items():
        assert words in told[code], code
