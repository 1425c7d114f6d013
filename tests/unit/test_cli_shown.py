"""What the command line prints: figures in plain notation, times that people can read."""

import json
from decimal import Decimal

import pytest
from msgspec import Struct

from api.cli.context import MomentInvalid, moment, print_fields, print_json, print_rows

NOTHING = Decimal("0E-8")


class Item(Struct, frozen=True):
    net: Decimal = NOTHING
    exit_at: int | None = 1_711_831_800_000
    parts: tuple[Decimal, ...] = (NOTHING, Decimal("1E+3"))


def test_json_when_a_figure_is_zero_then_it_has_no_exponent_at_any_depth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json({"items": [Item()], "net": NOTHING})

    plain = {"net": "0.00000000", "exit_at": 1_711_831_800_000, "parts": ["0.00000000", "1000"]}
    assert json.loads(capsys.readouterr().out) == {"items": [plain], "net": "0.00000000"}


def test_table_when_a_figure_is_zero_then_it_has_no_exponent_and_times_are_iso(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows([Item()], ("net", "exit_at", "parts"))
    print_fields({"net": NOTHING, "last_step": 1_711_831_800_123, "opened_at": None})

    text = capsys.readouterr().out
    assert "E-8" not in text
    assert "E+3" not in text
    assert "2024-03-30T20:50:00Z" in text
    assert "2024-03-30T20:50:00.123Z" in text


class Said(Struct, frozen=True):
    reason: str = "now \x1b[31mred \u202e\x9b2J"


def test_table_when_somebody_wrote_what_a_terminal_obeys_then_it_is_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows([Said()], ("reason",))
    print_fields({"reason": Said().reason})

    text = capsys.readouterr().out
    assert text.count("now \ufffd[31mred") == 2
    assert not any(sign in text for sign in "\x1b\u202e\x9b")


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "20260131",
        "2026-01-31T00:00",
        "2026-01-31T00:00Z",
        "2026-01-31T01:00+01:00",
        "1769817600000",
    ],
)
def test_moment_when_it_is_written_in_any_usual_way_then_it_is_the_same(text: str) -> None:
    assert moment(text) == 1_769_817_600_000


@pytest.mark.parametrize("text", ["", "soon", "-5", "2026-02-30", "①②③④⑤⑥⑦⑧⑨"])
def test_moment_when_it_is_none_then_what_is_allowed_is_told(text: str) -> None:
    with pytest.raises(MomentInvalid, match="must be like 2026-01-31"):
        moment(text)
