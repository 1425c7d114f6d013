"""The report in a real browser: drawn, zoomed, asked about a trade, printed; without a network."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import NAMES, Page, browser, browser_path
from tests.e2e.program import perpetua
from tests.feed_bars import made_bars, write_bars

STRATEGY = Path(__file__).parents[2] / "strategies" / "rsi_macd_consensus.py"
WIDE, NARROW = (1280, 900), (390, 800)

pytestmark = pytest.mark.skipif(
    browser_path() is None, reason=f"no browser: one of {', '.join(NAMES)} must be installed"
)


@pytest.fixture(scope="module")
def report(candles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "out.html"
    done = perpetua(
        *("backtest", str(STRATEGY), "--data", str(candles), "--venue", "binance"),
        *("--symbol", "BTC/USDT", "--report", str(out)),
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def shown(page: Page, report: Path) -> Page:
    page.resize(*WIDE)
    page.open(report.as_uri())
    until(page, "document.querySelectorAll('#prices-chart canvas').length > 0")
    return page


def until(page: Page, condition: str) -> None:
    deadline = time.monotonic() + 20
    while not page.run(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


def colours(page: Page, name: str) -> int:
    """How many different colours a chart's canvases hold."""
    return int(
        page.run(
            f"""(() => {{
              const seen = new Set();
              for (const canvas of document.querySelectorAll('#{name}-chart canvas')) {{
                const {{ width, height }} = canvas;
                if (!width || !height) continue;
                const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
                for (let n = 0; n < data.length; n += 4)
                  seen.add(data[n] << 16 | data[n + 1] << 8 | data[n + 2]);
              }}
              return seen.size;
            }})()"""
        )
    )


def box(page: Page, selector: str) -> dict[str, Any]:
    found: dict[str, Any] = page.run(
        f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}}),"
        f" document.querySelector('{selector}').getBoundingClientRect().toJSON()"
    )
    return found


def legend(page: Page, name: str) -> str:
    return str(page.run(f"document.getElementById('{name}-legend').textContent"))


def test_page_when_opened_then_draws_both_charts_and_asks_nothing_of_a_network(
    shown: Page, report: Path
) -> None:
    for name in ("equity", "prices"):
        assert colours(shown, name) > 10, name
    assert shown.requests == [report.as_uri()]
    assert shown.errors == []
    assert shown.run("document.querySelectorAll('svg rect').length") > 3
    assert shown.run("document.querySelectorAll('svg circle').length") > 10


def test_page_when_its_own_policy_is_tried_then_it_forbids_every_request(shown: Page) -> None:
    outcome = shown.run("fetch('https://example.com/').then(() => 'sent', () => 'refused')")
    image = shown.run(
        "new Promise((done) => { const image = new Image(); image.onload = () => done('sent');"
        " image.onerror = () => done('refused'); image.src = 'https://example.com/a.png'; })"
    )
    assert (outcome, image) == ("refused", "refused")
    assert any("Content Security Policy" in error for error in shown.errors)


def test_chart_when_pointed_at_then_tells_the_candle_and_its_trades(shown: Page) -> None:
    place = box(shown, "#prices-chart")
    before = legend(shown, "prices")
    shown.mouse("mouseMoved", place["x"] + 300, place["y"] + 200)
    until(shown, f"document.getElementById('prices-legend').textContent !== {before!r}")
    told = legend(shown, "prices")
    assert re.match(r"2024-01-0\d \d\d:\d\d UTC   open [\d,.]+  high [\d,.]+  low", told)
    seen = set()
    for x in range(60, int(place["width"]) - 100, 4):
        shown.mouse("mouseMoved", place["x"] + x, place["y"] + 200)
        seen.add(legend(shown, "prices").partition("\n")[2])
    assert any(re.search(r"(long|short) in at [\d,.]+ \(all b\w+ish\)", words) for words in seen)
    assert any(re.search(r"out at [\d,.]+, \w[\w ]*, net [+−]?[\d,.]+", words) for words in seen)


def test_chart_when_a_trade_of_the_table_is_chosen_then_shows_it_closely(shown: Page) -> None:
    place = box(shown, "#prices-chart")

    def spread() -> int:
        """Minutes between the candles at two places of the chart."""
        times = []
        for x in (100, 900):
            shown.mouse("mouseMoved", place["x"] + x, place["y"] + 200)
            time.sleep(0.1)
            times.append(legend(shown, "prices")[:16])
        script = "Date.parse('{}Z') / 60000".format
        first, last = (int(shown.run(script(at.replace(" ", "T")))) for at in times)
        return last - first

    whole = spread()
    shown.run("document.querySelectorAll('a[data-trade]')[3].click()")
    time.sleep(0.2)
    place = box(shown, "#prices-chart")
    close = spread()
    assert 0 < close < whole / 5
    for _ in range(6):
        x, y = place["x"] + 500, place["y"] + 200
        shown.mouse("mouseWheel", x, y, deltaX=0, deltaY=240)
    time.sleep(0.3)
    assert spread() > close


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_page_when_the_window_is_wide_or_narrow_then_nothing_sticks_out(
    size: tuple[int, int], shown: Page
) -> None:
    shown.resize(*size)
    time.sleep(0.3)
    assert shown.run("document.documentElement.scrollWidth <= window.innerWidth")
    assert shown.run(
        "[...document.querySelectorAll('.tile p')].every((p) => p.scrollWidth <= p.clientWidth)"
    )


def test_page_when_printed_then_charts_are_pictures_and_the_paper_is_not_wasted(
    shown: Page,
) -> None:
    paper = shown.pdf()
    assert paper.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert 2 <= pages <= 8
    pictures = "[...document.querySelectorAll('.chart img')].map((image) => image.naturalWidth)"
    assert all(width > 300 for width in shown.run(pictures))
    assert len(shown.run(pictures)) == 2


@pytest.fixture(scope="module")
def report_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("two")
    for n, symbol in enumerate(("BTC-USDT", "ETH-USDT")):
        write_bars(directory, f"binance_{symbol}_1m.parquet", made_bars(7_200, seed=5 + n))
    out = directory / "out.html"
    done = perpetua(
        *("backtest", str(STRATEGY), "--data", str(directory), "--venue", "binance"),
        *("--symbol", "BTC/USDT", "--symbol", "ETH/USDT", "--report", str(out)),
    )
    assert done.returncode == 0, done.stderr
    return out


def test_chart_when_symbols_are_several_then_shows_the_one_chosen_or_that_of_a_chosen_trade(
    page: Page, report_of_two: Path
) -> None:
    page.resize(*WIDE)
    page.open(report_of_two.as_uri())
    until(page, "document.querySelectorAll('#prices-chart canvas').length > 0")
    assert colours(page, "prices") > 10
    first = legend(page, "prices")
    choice = "document.getElementById('prices-symbol')"
    page.run(f"{choice}.value = '1', {choice}.dispatchEvent(new Event('change'))")
    second = legend(page, "prices")
    assert first[:16] == second[:16]  # the same time
    assert first != second  # at other prices
    rows = "[...document.querySelectorAll('#trades tbody tr')]"
    traded = page.run(f"{rows}.map((row) => row.cells[3].textContent)")
    assert set(traded) == {"BTC-USDT", "ETH-USDT"}
    for place, symbol in enumerate(("BTC-USDT", "ETH-USDT")):
        page.run(f"document.querySelectorAll('a[data-trade]')[{traded.index(symbol)}].click()")
        assert page.run(f"{choice}.value") == str(place)
        assert re.search(r"out at [\d,.]+, \w[\w ]*, net", legend(page, "prices"))
    assert colours(page, "prices") > 10
    assert page.errors == []
