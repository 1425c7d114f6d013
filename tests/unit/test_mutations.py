"""Rules changed by editing the text: what comes out compiles, differs, and keeps the rest."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.improvement.change import shape_of
from application.improvement.search.draws import Draws
from application.improvement.search.edits import spliced
from application.improvement.search.manuscript import Splice
from application.improvement.search.mutations import CATALOGUE, Mutant, mutants
from domain.strategy.improvement import LossPattern
from kernels.program import Program, compile_strategy
from tests.kernel_runs import SHIPPED, STRATEGIES
from tests.llm_samples import CHAMPION, pattern
from tests.unit.test_kernel_hostile import REFUSED, RUNS

SOME = pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
EXITS = (
    *("wider_stop", "in_ranges", "nearer_target", "one_target", "shorter_hold", "longer_hold"),
    *("soft_stop", "no_soft_stop", "add_trail", "no_trail"),
)


def all_of(
    text: str, *patterns: LossPattern, past: tuple[str, ...] = (), number: int = 1
) -> list[Mutant]:
    return list(mutants(text, patterns, past, Draws(0, "rules"), number))


def mutant(key: str, text: str = CHAMPION) -> Mutant:
    (found,) = [each for each in all_of(text) if each.key == key]
    return found


def compiled(text: str) -> Program:
    return compile_strategy(text, "fade")


def comments(text: str) -> list[str]:
    return [line.partition("  # ")[2] for line in text.splitlines() if "  # " in line]


def compiles_and_differs(text: str, found: list[Mutant]) -> None:
    champion = compiled(text)
    digest = shape_of(champion).digest
    for each in found:
        program = compiled(each.text)
        assert shape_of(program).digest != digest, each.key
        assert program.timeframe == champion.timeframe
        declared = {p.name: p for p in program.parameters}
        assert all(declared[p.name] == p for p in champion.parameters)
        assert set(each.tuned) == set(declared) - {p.name for p in champion.parameters}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_strategy_when_mutated_then_what_is_not_changed_stays(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = all_of(text)
    keys = [each.key for each in found]
    assert len(keys) == len(set(keys)) >= 20
    for each in found:
        documentation = ast.get_docstring(ast.parse(each.text)) or ""
        assert documentation.startswith((ast.get_docstring(ast.parse(text)) or "").rstrip())
        told = " ".join(documentation.split())
        assert told.endswith(f"Changed ({each.key}): {each.what}.")
        assert "import *" in each.text
        gone = set(comments(text)) - set(comments(each.text))
        assert len(gone) <= (each.key == "fewer_guards_1")
    compiles_and_differs(text, found[:2])


@pytest.mark.long
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_strategy_when_mutated_any_way_then_compiles_and_trades_otherwise(
    path: Path,
) -> None:
    text = path.read_text(encoding="utf-8")
    compiles_and_differs(text, all_of(text))


def test_strategy_when_mutated_any_way_then_compiles_and_trades_otherwise() -> None:
    compiles_and_differs(CHAMPION, all_of(CHAMPION))


@SOME
def test_shipped_strategy_when_mutated_time_and_again_then_still_compiles(path: Path) -> None:
    text, done = path.read_text(encoding="utf-8"), []
    for number in range(1, 7):
        each = all_of(text, number=number)[0]
        text = each.text
        done.append(each.key)
    compiled(text)
    assert len(set(done)) == 6


def test_catalogue_when_all_shipped_strategies_are_mutated_then_every_rule_is_used() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SHIPPED]
    keys = {each.key for text in texts for each in all_of(text)}
    for rule in CATALOGUE:
        assert any(key == rule.key or key.startswith(f"{rule.key}_") for key in keys), rule.key


def test_catalogue_when_keys_are_listed_then_a_hypothesis_can_name_none_by_accident() -> None:
    assert all("_" in rule.key or rule.variants for rule in CATALOGUE)


def test_filter_when_added_then_each_side_is_guarded_before_it_is_taken() -> None:
    text = mutant("trend_filter").text
    assert "trend_bars = param(100, 20, 400)" in text
    assert (
        "    if close < mid - width * spread:\n"
        "        if close < trend_line * (1 - trend_slack):\n"
        "            return FLAT\n"
        '        return long(tag="below")\n'
    ) in text


def test_guard_when_added_then_stands_before_all_else() -> None:
    text = mutant("avoid_ranging").text
    assert (
        "def entry():\n    if avoid_ranging > 0 and regime == RANGING:\n        return FLAT\n"
    ) in text


def test_sides_when_swapped_then_tags_stay_with_their_conditions() -> None:
    text = mutant("other_way").text
    assert 'return short(tag="below")' in text
    assert 'return long(tag="above")' in text


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("wider_stop", "stop=stop_scale * (1.5 * atr(14)), target=1.5 * atr(14), max_bars=12)"),
        (
            "nearer_target",
            "stop=1.5 * atr(14), target=target_scale * (1.5 * atr(14)), max_bars=12)",
        ),
        ("shorter_hold", "max_bars=hold_scale * 12)"),
        ("add_trail", "max_bars=12, trail=trail_ranges * range_now)"),
        ("soft_stop", "max_bars=12, soft_minutes=soft_after, soft_return=soft_least)"),
    ],
)
def test_exits_when_changed_then_the_rest_of_the_plan_stays(key: str, found: str) -> None:
    assert found in mutant(key).text


@pytest.mark.parametrize(
    ("plan", "left"),
    [
        ("stop=2, trail=3, max_bars=4", "stop=2, max_bars=4"),
        ("trail=3, stop=2", "stop=2"),
        ("stop=2, trail=(3)", "stop=2"),
        ("stop=2, trail=3,", "stop=2, "),
        ("\n        stop=2,\n        trail=3,  # far\n    ", "\n        stop=2,\n    "),
        ("\n        stop=2,\n        trail=3\n    ", "\n        stop=2\n    "),
        ("2, 3, trail=3", "2, 3"),
    ],
)
def test_trail_when_taken_away_then_its_comma_and_line_go_too(plan: str, left: str) -> None:
    text = CHAMPION[: CHAMPION.index("    return plan")] + f"    return plan({plan})\n"
    assert mutant("no_trail", text).text.endswith(f"return plan({left})\n")
    compiled(mutant("no_trail", text).text)


@pytest.mark.parametrize(
    "plan",
    [
        "2, 3",
        "(close + 2), (close - 3), (4)",
        "stop=(2), max_bars=(4)",
        "stop=2,",
        "\n        stop=2  # near\n    ",
        "\n        stop=2,  # near, (yes)\n    ",
        "stop=(\n        2\n    )",
    ],
)
def test_plan_when_it_is_laid_out_any_way_then_every_change_compiles(plan: str) -> None:
    text = CHAMPION[: CHAMPION.index("    return plan")] + f"    return plan({plan})\n"
    for each in all_of(text):
        if each.key in EXITS:
            compiled(each.text)


@pytest.mark.parametrize(
    "docstring",
    ["", '"""One line."""\n', "'''One line.'''\n", '"One line."\n', '"""Two.\n\nLines.\n"""\n'],
)
def test_docstring_when_there_is_any_or_none_then_it_gains_the_change(docstring: str) -> None:
    text = docstring + CHAMPION.partition("\n")[2]
    for each in all_of(text):
        told = ast.get_docstring(ast.parse(each.text)) or ""
        assert f"Changed ({each.key}): " in told
        assert told.startswith((ast.get_docstring(ast.parse(text)) or "").strip())
    compiled(each.text)


@pytest.mark.parametrize(
    "text",
    [
        CHAMPION.replace("\n", "\r\n"),
        CHAMPION.replace("Fade closes", "Größe → ｃlose"),
        CHAMPION.replace("lookback", "trend_bars").replace("width", "above"),
        CHAMPION.replace("mid", "force").replace("spread", "range_now"),
        CHAMPION.replace("    ", "\t"),
        CHAMPION.replace("    return FLAT", "    # ünder\n    return FLAT  # größer"),
        CHAMPION.replace("15m", "1d"),
    ],
    ids=range(7),
)
def test_text_when_it_is_unusual_then_every_change_compiles(text: str) -> None:
    found = all_of(text)
    assert len(found) > 15
    for each in found:
        ast.parse(each.text)
    for each in found[::6]:
        compiled(each.text)


def test_entry_on_one_line_when_mutated_then_what_has_no_place_is_left_out() -> None:
    text = CHAMPION.replace("spread:\n        return", "spread: return")
    keys = {each.key for each in all_of(text)}
    assert "trend_filter" not in keys
    assert "adx_floor" in keys


@pytest.mark.parametrize("name", [*RUNS, *REFUSED])
def test_hostile_text_when_mutated_then_nothing_is_raised(name: str) -> None:
    text = RUNS[name] if name in RUNS else REFUSED[name][0]
    for _, each in zip(range(4), mutants(text, (), (), Draws(0, "rules"), 1), strict=False):
        assert each.text


# Which come first


def test_patterns_when_they_are_significant_then_call_for_rules_in_their_order() -> None:
    found = all_of(CHAMPION, pattern("WRONG_REGIME", "weak_bear"), pattern("STOP_TOO_TIGHT"))
    keys = [each.key for each in found]
    assert set(keys[:2]) == {"avoid_weak_bear", "regime_sides"}
    assert keys[2] == "wider_stop"
    first = next(each for each in found if each.key == "avoid_weak_bear")
    assert first.what == (
        "nothing is entered in a weak_bear regime, since 12 losses show WRONG_REGIME (weak_bear)"
    )


@pytest.mark.parametrize(
    ("code", "group", "key"),
    [
        ("STOP_TOO_TIGHT", "", "wider_stop"),
        ("TARGET_TOO_FAR", "", "nearer_target"),
        ("HELD_TOO_LONG", "", "shorter_hold"),
        ("THIN_VOLUME", "", "volume_floor"),
        ("LOW_VOLATILITY", "", "volatility_floor"),
        ("HIGH_VOLATILITY", "", "volatility_ceiling"),
        ("ENTERED_EARLY", "", "wait_for_turn"),
        ("BAD_TAG", "below", "without_below"),
        ("WRONG_REGIME", "strong_bull", "avoid_strong_bull"),
    ],
)
def test_pattern_when_significant_then_its_cure_is_among_the_first(
    code: str, group: str, key: str
) -> None:
    assert key in [each.key for each in all_of(CHAMPION, pattern(code, group))[:3]]


def test_pattern_when_it_cannot_be_said_in_the_language_then_changes_no_order() -> None:
    plain = [each.key for each in all_of(CHAMPION)]
    assert [each.key for each in all_of(CHAMPION, pattern("BAD_HOUR", "08-12"))] == plain
    assert [each.key for each in all_of(CHAMPION, pattern("BAD_TAG", "no_such_tag"))] == plain


def test_looks_when_they_follow_each_other_then_go_on_in_the_order() -> None:
    first, second = all_of(CHAMPION), all_of(CHAMPION, number=2)
    assert [each.key for each in second[:-3]] != [each.key for each in first[:-3]]
    assert {each.key for each in second} == {each.key for each in first}
    heads = [tuple(e.key for e in all_of(CHAMPION, number=n)[:2]) for n in range(1, 10)]
    assert len({key for head in heads for key in head}) > 10


def test_rule_when_the_past_tried_it_then_comes_after_those_it_did_not() -> None:
    keys = [each.key for each in all_of(CHAMPION)]
    said = f"What was bought is sold ({keys[0]}): before the split 3 quote"
    assert all_of(CHAMPION, past=(said,))[-1].key == keys[0]
    called = pattern("STOP_TOO_TIGHT")
    assert all_of(CHAMPION, called)[0].key == "wider_stop"
    assert all_of(CHAMPION, called, past=("tried (wider_stop)",))[-1].key == "wider_stop"


def test_rule_when_the_text_has_it_already_then_is_not_written_again() -> None:
    once = mutant("trend_filter").text
    assert "trend_filter" not in [each.key for each in all_of(once)]
    again = mutant("adx_floor", once).text
    assert not {"trend_filter", "adx_floor"} & {each.key for each in all_of(again)}
    compiled(again)


@settings(max_examples=200)
@given(
    st.text("ab(),\n", max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.text("xy", max_size=3))),
)
def test_splices_when_carried_out_then_what_none_touches_is_there_in_order(
    text: str, edits: list[tuple[int, int, str]]
) -> None:
    splices = [Splice(min(a, b, len(text)), min(max(a, b), len(text)), new) for a, b, new in edits]
    touched = {place for s in splices for place in range(s.start, s.end)}
    kept = "".join(c for place, c in enumerate(text) if place not in touched)
    left = "".join(c for c in spliced(text, splices) if c not in "xy")
    for part, whole in ((kept, left), (left, text)):  # the former a subsequence of the latter
        letters = iter(whole)
        assert all(c in letters for c in part)


@pytest.mark.parametrize(
    ("splices", "found"),
    [
        ([Splice(1, 4, "X"), Splice(2, 3, "Y")], "aXef"),  # the first of two that overlap
        ([Splice(2, 5, "Y"), Splice(1, 3, "X")], "aXdef"),
        ([Splice(1, 4, ""), Splice(2, 5, "")], "af"),  # what both take away is gone
        ([Splice(2, 2, "X"), Splice(2, 2, "Y")], "abXYcdef"),
        ([Splice(2, 4, "Y"), Splice(2, 2, "X")], "abYef"),
        ([Splice(2, 2, "X"), Splice(2, 4, "Y")], "abXYef"),
    ],
)
def test_splices_when_they_meet_then_the_first_is_carried_out(
    splices: list[Splice], found: str
) -> None:
    assert spliced("abcdef", splices) == found


def test_mutants_when_parsed_then_brackets_are_where_a_scale_needs_them() -> None:
    text = CHAMPION.replace("stop=1.5 * atr(14)", "stop=close + 1")
    found = mutant("wider_stop", text).text
    plan = ast.parse(found).body[-1].body[-1].value  # type: ignore[attr-defined]
    assert ast.unparse(plan.keywords[0].value) == "stop_scale * (close + 1)"


def test_page_when_read_then_tells_of_every_rule_and_what_calls_for_it() -> None:
    page = (SHIPPED[0].parent.parent / "docs" / "search-author.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+?)(?:_[A-Z]+)?` \| ([^|]+) \|(.*)\|$", page, re.MULTILINE)
    told = {key: set(re.findall(r"`([A-Z_]+)`", cures)) for key, _, cures in rows}
    assert told == {rule.key: set(rule.cures) for rule in CATALOGUE}
