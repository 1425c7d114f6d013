"""What a run shows: nothing cut off on any usual terminal, and whole JSON lines for programs."""

import io
import json
from decimal import Decimal

import pytest
from msgspec.structs import replace
from rich.console import Console

from api.processes.glance import Glance, Line
from api.processes.screen import JsonScreen, TableScreen, render
from api.processes.wire import Finished, Serving


def line(strategy: str, sleeve: str, mode: str = "paper") -> Line:
    return Line(
        strategy=strategy,
        version="v12",
        mode=mode,
        sleeve=sleeve,
        status=mode,
        trades=3_655,
        win_rate=Decimal("0.2751"),
        net=Decimal("-16677.12345678"),
        equity=Decimal("10322.87654322"),
        open_pnl=Decimal("-1234.5"),
    )


GLANCE = Glance(
    state="trading",
    bars=1_051_200,
    bars_per_second=94_000.0,
    last_bar=1_704_067_200_000,
    position=206_430,
    projected=206_000,
    lag=430,
    strategies=(line("rsi_macd_consensus", "A"), line("vwap_reversion", "B", "live/sim")),
)
FINISHED = Finished(position=206_430, bars=1_051_200, seconds=11.2, last_bar=1_704_067_200_000)


@pytest.mark.parametrize("width", [80, 100, 123, 124, 200])
def test_table_when_the_terminal_is_narrow_then_no_figure_is_cut_off(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(render(GLANCE, "http://127.0.0.1:8000", width))

    text = out.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for shown in ("rsi_macd_consensus", "live/sim", "27.5%", "-16,677.12", "10,322.88"):
        assert shown in text
    assert "94,000 bars/s" in text
    assert "lag 430" in text


def test_screen_when_output_is_a_pipe_then_the_last_table_is_printed_once() -> None:
    out = io.StringIO()
    screen = TableScreen(out)
    screen.serving(Serving(pid=1, port=8000, url="http://127.0.0.1:8000"))
    screen.show(GLANCE)
    screen.finished(FINISHED, GLANCE)
    screen.close()

    assert out.getvalue().count("rsi_macd_consensus") == 1
    assert "Finished: 1,051,200 bars in 11.2 s" in out.getvalue()


def test_screen_when_json_then_every_line_is_one_object_that_names_its_event() -> None:
    out = io.StringIO()
    screen = JsonScreen(out)
    screen.show(GLANCE)
    screen.warn("the reader was killed")
    screen.finished(FINISHED, GLANCE)

    said = [json.loads(text) for text in out.getvalue().splitlines()]
    assert [each["event"] for each in said] == ["progress", "warning", "finished"]
    assert said[0]["strategies"][1]["mode"] == "live/sim"
    assert said[0]["strategies"][1]["net"] == "-16677.12345678"
    assert (said[2]["bars"], said[2]["seconds"]) == (1_051_200, 11.2)


def test_screen_when_json_and_a_figure_is_zero_then_it_has_no_exponent() -> None:
    out = io.StringIO()
    nothing = replace(line("vwap_reversion", "A"), win_rate=Decimal("0E-8"))
    JsonScreen(out).show(replace(GLANCE, strategies=(nothing,)))

    assert json.loads(out.getvalue())["strategies"][0]["win_rate"] == "0.00000000"
