"""The report page as text: whole, escaped, bounded, and asking nothing of any network."""

import json
import re
from dataclasses import replace as replaced
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from api.report.chart_data import LISTED, POINTS, chart_data
from api.report.groups import figure_groups, key_figures, reason
from api.report.markup import Markup, element, embedded
from api.report.page import page
from api.report.wording import duration, exact, number, percent
from application.report import BacktestRun
from application.report_ledger import Marks
from kernels.metrics.breakdowns import breakdowns
from kernels.metrics.readiness import Shortfall
from kernels.metrics.trades import Trade, trade_statistics
from tests.metrics_samples import HOUR, MIDNIGHT, trade
from tests.page_reader import read
from tests.report_runs import run_of

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&\'"'
D = Decimal


@pytest.fixture(scope="module")
def done() -> BacktestRun:
    return run_of(6000)


@pytest.fixture(scope="module")
def text(done: BacktestRun) -> str:
    return page(done)


def test_page_when_a_venue_priced_the_run_then_says_which(done: BacktestRun, text: str) -> None:
    assert "; costs of" not in text
    priced = replace(done, report=replace(done.report, costs_of="htx", dynamic=True))
    assert "slippage 0.100 %, dynamic; costs of htx" in page(priced)


def data_in(text: str) -> dict[str, object]:
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    found: dict[str, object] = json.loads(content)
    return found


def with_trades(done: BacktestRun, trades: tuple[Trade, ...]) -> BacktestRun:
    """The run with other trades, and the figures that are taken of them."""
    figures = replace(
        done.report.figures, trades=trade_statistics(trades), breakdowns=breakdowns(trades)
    )
    left_in = np.array([each.exit_at for each in trades], np.int64)
    return replace(
        done, trades=trades, left_in=left_in, report=replace(done.report, figures=figures)
    )


def test_page_when_written_then_is_sound_and_loads_nothing(text: str) -> None:
    found = read(text)
    loading = [(tag, attrs) for tag, attrs in found.seen if {"src", "srcset", "data"} & set(attrs)]
    assert loading == []
    assert {tag for tag, _ in found.seen} & {"link", "iframe", "object", "embed", "base"} == set()
    links = {attrs["href"] for tag, attrs in found.seen if tag == "a"}
    assert links == {"#prices", "https://www.tradingview.com/"}
    policies = [a for _, a in found.seen if a.get("http-equiv") == "Content-Security-Policy"]
    assert str(policies[0]["content"]).startswith("default-src 'none';")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_page_when_written_then_tells_what_was_run(done: BacktestRun, text: str) -> None:
    report, words = done.report, " ".join(read(text).words)
    for told in (
        report.version_sha,
        report.trades_digest,
        report.state_digest,
        report.data_digest,
        "fast = 5, slow = 15, never = 0",
        "taker 0.050 %",
        "margin=0.05",
        "17,000 quote, leverage 8×",
        "day loss 500",
        "numba on cpu",
        "synthetic · 1m bars · 2024-01-01 to 2024-01-05, 5 days · sleeve B",
        "Bought when the quick one is above the calm one, sold when it is below.",
    ):
        assert told in words, told
    for group in figure_groups(report):
        for row in group.rows:
            assert row.label in words
            assert row.text in words
    for figure in key_figures(report):
        assert figure.text in words
    for short in report.figures.readiness.shortfalls:
        assert reason(short) in words


def test_table_when_read_back_then_every_trade_adds_up_exactly(
    done: BacktestRun, text: str
) -> None:
    body = text[text.index('id="trades"') :]
    rows = re.findall(r"<tr( class=\"older\")?>(.*?)</tr>", body)[1:]
    assert len(rows) == len(done.trades)
    for (_, row), told in zip(rows, done.trades, strict=True):
        cells = [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)]
        money = [D(cell.replace("−", "-").replace(",", "")) for cell in cells[4:9]]
        gross, fees, slippage, funding, net = money
        assert money == [told.gross, told.fees, told.slippage, told.funding, told.net]
        assert gross - fees - slippage - funding == net
    assert sum('class="older"' in older for older, _ in rows) == max(0, len(rows) - 50)


def test_page_when_text_is_hostile_then_is_shown_as_it_is_written(done: BacktestRun) -> None:
    trades = tuple(
        replaced(each, tag=HOSTILE, reason=HOSTILE, symbol=HOSTILE, regime=HOSTILE)
        for each in done.trades[:5]
    )
    report = replace(
        done.report,
        strategy=HOSTILE,
        symbol=HOSTILE,
        description=f"{HOSTILE}\n\n{HOSTILE}",
        note=HOSTILE,
        params={HOSTILE: 1.0},
        device=HOSTILE,
        version_sha=HOSTILE,
    )
    charts = (replace(done.charts[0], symbol=HOSTILE),)
    text = page(with_trades(replace(done, report=report, charts=charts), trades))
    found = read(text)
    assert [tag for tag, _ in found.seen].count("script") == 3
    assert not [tag for tag, _ in found.seen if tag == "img"]
    assert not [attrs for _, attrs in found.seen if any(name.startswith("on") for name in attrs)]
    assert sum(HOSTILE in words for words in found.words) >= 10
    assert data_in(text)["trades"][0][7] == HOSTILE.replace("_", " ")  # type: ignore[index]


@given(st.text(), st.text())
def test_element_when_given_any_text_then_it_is_read_back_as_that(text: str, title: str) -> None:
    content, seen = text.replace("\r", " "), title.replace("\r", " ")
    found = read(element("p", content, title=seen))
    assert "".join(found.words) == content
    assert found.seen == [("p", {"title": seen})]


@given(st.text())
def test_embedded_when_given_any_text_then_it_is_read_back_as_that(text: str) -> None:
    made = embedded("data", {"told": text})
    assert data_in(made) == {"told": text}
    assert made.count("<") == 2


def test_element_when_content_is_nested_then_markup_stays_and_text_is_escaped() -> None:
    made = element("td", [Markup("<b>1</b>"), "<", None, 2], hidden=True, data_row=3, class_=None)
    assert made == '<td hidden data-row="3"><b>1</b>&lt;2</td>'


def test_page_when_there_was_no_trade_then_says_so_and_is_sound() -> None:
    text = page(run_of(3000, {"never": 1}))
    words = " ".join(read(text).words)
    assert words.count("No trade was closed.") == 3
    assert data_in(text)["trades"] == []


def test_page_when_there_were_50_000_trades_then_is_bounded_and_says_what_it_leaves_out(
    done: BacktestRun,
) -> None:
    start, count = done.report.start, 50_000
    trades = tuple(
        trade(
            D(n % 17 - 7) + D("0.00000001"),
            entry_at=start + n * 5000,
            exit_at=start + n * 5000 + 60_000,
            tag=f"tag {n % 9}",
            mae=D(-(n % 11)),
            mfe=D(n % 13),
        )
        for n in range(count)
    )
    text = page(with_trades(done, trades))
    assert len(text) < 2_000_000
    words = " ".join(read(text).words)
    assert words.count("the last 1,000 of 50,000 trades") == 2
    assert "Excursions of the last 2,000 of 50,000 trades" in words
    assert "Trades by net, 50,000 in steps of" in words
    assert len(data_in(text)["trades"]) == LISTED  # type: ignore[arg-type]
    assert text.count('data-trade="') == LISTED
    assert ">49,001<" in text
    assert ">50,000<" in text


def test_page_when_a_breakdown_has_very_many_groups_then_says_what_it_leaves_out(
    done: BacktestRun,
) -> None:
    trades = tuple(trade(D(1), tag=f"tag {n:03}") for n in range(300))
    words = " ".join(read(page(with_trades(done, trades))).words)
    assert "The last 200 of 300 are shown." in words


def test_chart_data_when_marks_are_many_then_no_fall_is_lost(done: BacktestRun) -> None:
    rng = np.random.default_rng(1)
    at = MIDNIGHT + HOUR * np.arange(30_000, dtype=np.int64)
    equity = 1.7e12 * np.exp(np.cumsum(rng.normal(0, 1e-3, 30_000)))
    equity[17_001] *= 0.5  # one hour at half the money
    points = chart_data(replace(done, marks=Marks(at, equity)))["equity"]
    assert 1000 < len(points) <= POINTS
    assert min(below for _, _, below in points) < -50
    assert points[-1][:2] == [int(at[-1]) // 1000, round(equity[-1] / 1e8, 2)]
    assert all(one[0] < other[0] for one, other in pairwise(points))


def test_chart_data_when_trades_are_marked_then_their_candles_hold_their_prices(
    done: BacktestRun,
) -> None:
    data = chart_data(done)
    assert len(data["trades"]) == len(done.trades)
    for _, entry, left, side, paid, got, net, *_ in data["trades"]:
        assert side in (1, -1)
        assert isinstance(net, float)
        for candle, price in ((entry, paid), (left, got)):
            _, _, high, low, _ = data["charts"][0]["prices"][candle]
            assert low * 0.998 <= price <= high * 1.002  # but for slippage of 0.1 %


@pytest.mark.parametrize(
    ("short", "words"),
    [
        (Shortfall(code="GATE_TRADES", required=50, observed=7), "closed trades 7, must be at "),
        (
            Shortfall(code="GATE_WIN_RATE", required=D("0.71"), observed=None),
            "win rate –, must be at least 71.00 %",
        ),
        (
            Shortfall(code="READY_DRAWDOWN", required=0.2, observed=0.456),
            "deepest fall from a peak 45.60 %, must be at most 20.00 %",
        ),
        (Shortfall(code="GATE_RUINED", required=0, observed=1), "the account was ruined"),
    ],
)
def test_reason_when_a_run_falls_short_then_is_said_in_words(short: Shortfall, words: str) -> None:
    assert reason(short).startswith(words)


def test_wording_when_figures_are_spelled_then_are_as_people_write_them() -> None:
    assert number(D("-1234.5")) == "−1,234.50"
    assert number(D("-0.001")) == number(0.0, signed=True) == "0.00"
    assert number(None) == percent(None) == duration(None) == "–"
    assert number(3.2e15) == "3.2e+15"
    assert percent(0.12345, 1, signed=True) == "+12.3 %"
    assert exact(D("-1234.56789")) == ("−1,234.56", "789000")
    assert [duration(ms) for ms in (0, 90_000, 3_600_000, 90_000_000, 10**11)] == [
        "0 min",
        "1 min",
        "1 h",
        "1 d 1 h",
        "1,157 d",
    ]


def test_library_when_it_is_inlined_then_is_the_one_that_was_released() -> None:
    assets = Path(__file__).parents[2] / "api" / "report" / "assets"
    library = (assets / "lightweight-charts.js").read_text(encoding="utf-8")
    assert "TradingView Lightweight Charts™ v5.2.1" in library
    assert "</script" not in library
    assert "Apache License" in (assets / "lightweight-charts.LICENSE").read_text(encoding="utf-8")
