"""A look at losses as bytes, as text and as a page: the same for the same trades, and all told."""

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli.losses_text import content, told
from api.report.loss_words import HEAD, MEANINGS, Look
from api.report.losses_page import losses_page
from application.improvement.losses.analysis import LISTED, losses_of, read_report
from application.improvement.losses.patterns import patterns
from tests.loss_samples import some, studied
from tests.metrics_samples import HOUR, MIDNIGHT
from tests.page_reader import read

D = Decimal
LOOK = Look(
    strategy="dips",
    version="v3",
    symbols=("BTC-USDT", "ETH-USDT"),
    start=MIDNIGHT,
    until=MIDNIGHT + 48 * HOUR,
)
THIN = [*some(45, 15, volume=0.1), *some(20, 40, volume=1.0)]
HOSTILE = '<script>alert(1)</script>&"'


def test_losses_when_looked_at_then_counts_and_net_are_exact() -> None:
    losses = losses_of([studied("-0.1"), studied("0.00000001"), studied("0"), studied("-0.2")])
    assert (losses.trades, losses.losses) == (4, 3)
    assert str(losses.net) == "-0.29999999"
    assert str(losses_of([]).net) == "0E-8"  # with its eight places, as all money of the log


def test_report_when_written_then_lists_losses_alone_with_the_latest_first() -> None:
    trades = [studied("-1", entry_at=MIDNIGHT + n * HOUR) for n in range(4)]
    trades.insert(2, studied("5"))
    report = read_report(losses_of(trades).report)
    assert (report.trades, report.losses, report.left_out) == (5, 4, 0)
    assert [loss.entry_at for loss in report.losing] == [MIDNIGHT + n * HOUR for n in (3, 2, 1, 0)]


def test_report_when_there_are_many_losses_then_the_oldest_are_left_out_and_counted() -> None:
    trades = [studied("-1", entry_at=MIDNIGHT + n * HOUR) for n in range(LISTED + 3)]
    report = read_report(losses_of(trades).report)
    assert (len(report.losing), report.left_out) == (LISTED, 3)
    assert report.losing[-1].entry_at == MIDNIGHT + 3 * HOUR


def test_report_when_written_then_figures_are_short_and_in_a_fixed_order() -> None:
    one = studied("-0.00000012", mae=-1 / 3, volume=1e-9 / 3, series={"z": 2 / 3, "a": None})
    (line,) = json.loads(losses_of([one]).report)["losing"]
    assert list(line)[:3] == ["symbol", "side", "tag"]
    assert line["net"] == "-0.00000012"
    assert line["fees"] == "0"
    assert (line["mae_r"], line["volume"]) == (-0.33333333, 3.3333333e-10)
    assert line["series"] == {"z": 0.66666667, "a": None}
    assert list(line["series"]) == ["z", "a"]  # as in the strategy's file


@given(st.lists(st.sampled_from(["-1", "0", "2.5"]), max_size=30))
def test_report_when_trades_are_equal_then_bytes_are_and_read_back_as_they_were(
    nets: list[str],
) -> None:
    one, other = ([studied(net, mfe=float(n)) for n, net in enumerate(nets)] for _ in range(2))
    losses = losses_of(one)
    assert losses == losses_of(other)
    report = read_report(losses.report)
    assert len(report.losing) == report.losses == losses.losses
    wanted = [n for n, net in enumerate(nets) if net != "2.5"]
    assert [loss.mfe_r for loss in report.losing] == wanted[::-1]


def test_report_when_bytes_are_no_report_then_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        read_report(b'{"trades": 3}')


def test_words_when_patterns_are_told_then_each_has_a_meaning() -> None:
    assert {pattern.code for pattern in patterns(THIN)} <= MEANINGS.keys()


def test_text_when_told_then_has_the_figures_and_what_significant_patterns_mean() -> None:
    text = told(LOOK, losses_of(THIN))
    assert "Losses of dips v3" in text
    assert "BTC-USDT, ETH-USDT · 2024-01-01 to 2024-01-03 · sleeve B" in text
    assert "120 trades, 65 losses (54.2 %), net −10.00 quote" in text
    (row,) = [line for line in text.splitlines() if "thin volume" in line and "│" in line]
    cells = [cell.strip() for cell in row.strip("│ \n").split("│")]
    assert cells[2:5] == ["45", "69.2 %", "+41.7"]
    assert cells[-1] == "significant"
    assert f"thin volume: {MEANINGS['THIN_VOLUME']}" in text
    assert "high volatility: " not in text
    assert "The latest 10 of 65 losing trades" in text
    assert told(LOOK, losses_of(some(0, 3))).endswith("No trade lost.\n")


def test_text_when_names_look_like_markup_then_they_are_shown_as_written() -> None:
    text = told(LOOK, losses_of([*some(30, 0, tag="[red]x[/]"), *some(0, 30)]))
    assert "[red]x[/]" in text


def test_page_when_written_then_is_sound_and_tells_every_loss() -> None:
    losses = losses_of(THIN)
    page = losses_page(LOOK, losses)
    found = read(page)
    assert {tag for tag, _ in found.seen} & {"script", "link", "img", "iframe"} == set()
    policies = [a for _, a in found.seen if a.get("http-equiv") == "Content-Security-Policy"]
    assert str(policies[0]["content"]).startswith("default-src 'none';")
    words = " ".join(found.words)
    assert all(title in words for title in HEAD)
    assert page.count("<tr>") == 1 + len(losses.patterns) + 1 + 65
    assert "65, the latest first." in words


def test_page_when_losses_are_left_out_then_says_how_many() -> None:
    words = " ".join(read(losses_page(LOOK, losses_of(some(LISTED + 7, 0)))).words)
    assert "200, the latest first; 7 older ones are left out." in words


def test_page_when_nothing_was_lost_then_says_so() -> None:
    words = " ".join(read(losses_page(LOOK, losses_of(some(0, 5)))).words)
    assert "No trade lost." in words
    assert "There is none." in words


def test_page_when_names_are_hostile_then_they_are_text() -> None:
    trades = [*some(30, 0, tag=HOSTILE, symbol=HOSTILE), *some(0, 30)]
    page = losses_page(msgspec.structs.replace(LOOK, strategy=HOSTILE), losses_of(trades))
    assert "<script" not in page
    assert HOSTILE in " ".join(read(page).words)


def test_content_when_told_as_json_then_holds_all_of_it() -> None:
    losses = losses_of(THIN)
    found = content(LOOK, losses)
    assert (found["trades"], found["losses"], found["net"]) == (120, 65, losses.net)
    assert len(found["patterns"]) == len(losses.patterns)
    assert len(found["losing"]) == 65
