"""Other entries: a filter more, a condition less, one side less, or the other way round.

A filter brings parameters of its own whose ranges reach to where it filters nothing, so that a
search can tune it away again.
"""

import ast
from collections.abc import Callable, Sequence

from application.improvement.search.edits import Edit
from application.improvement.search.manuscript import Manuscript, side_of, tag_of

REGIMES = ("strong_bull", "weak_bull", "ranging", "weak_bear", "strong_bear")
ABOVE = {"1m": "15m", "5m": "1h", "15m": "4h", "1h": "4h", "4h": "1d"}  # timeframe to look up to

Condition = str  # what must not hold, as the language says it


def guarded(edit: Edit, condition: Condition) -> Edit | None:
    """Stand aside while a condition holds, before anything else is looked at."""
    body = edit.manuscript.functions["entry"].body
    first = next((n for n in body if not is_text(n)), None)
    place = None if first is None else edit.manuscript.line_start(first)
    if first is None or place is None:
        return None
    blanks = edit.manuscript.indent(first)
    edit.splice(place, place, f"{blanks}if {condition}:\n{blanks}    return FLAT\n")
    return edit


def sided(edit: Edit, against_long: Condition, against_short: Condition) -> Edit | None:
    """Stand aside where the side that is asked for has something against it."""
    against = {"long": against_long, "short": against_short}
    found = edit.manuscript.returns()
    for node, _, side in found:
        place = edit.manuscript.line_start(node)
        if place is None:
            return None
        blanks = edit.manuscript.indent(node)
        edit.splice(place, place, f"{blanks}if {against[side]}:\n{blanks}    return FLAT\n")
    return edit if found else None


def trend_filter(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    bars = edit.parameter("trend_bars", "100, 20, 400", "bars of the longer average")
    slack = edit.parameter(
        "trend_slack", "0.0, 0.0, 0.05", "fraction of price that it may be passed by"
    )
    line = edit.define("trend_line", f"ema(close, {bars})")
    return sided(edit, f"close < {line} * (1 - {slack})", f"close > {line} * (1 + {slack})")


def higher_trend(found: Manuscript, variant: str) -> Edit | None:
    above = ABOVE.get(found.timeframe)
    if above is None:
        return None
    edit = Edit(found)
    bars = edit.parameter("above_bars", "20, 3, 60", f"bars of {above}")
    slack = edit.parameter(
        "above_slack", "0.0, 0.0, 0.05", "fraction of price that it may be passed by"
    )
    frame = edit.define("above", f'higher("{above}")')
    line = edit.define("above_line", f"ema({frame}.close, {bars})")
    return sided(
        edit, f"{frame}.close < {line} * (1 - {slack})", f"{frame}.close > {line} * (1 + {slack})"
    )


def regime_sides(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    least = edit.parameter("regime_least", "0, -2, 2", "regime on the trade's side; -2: any")
    return sided(edit, f"regime < {least}", f"regime > -{least}")


def wait_for_turn(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    turn = edit.parameter("turn", "0.0, -0.02, 0.01", "fraction that the last bar went its way")
    return sided(edit, f"close < close[1] * (1 + {turn})", f"close > close[1] * (1 - {turn})")


def avoid(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    on = edit.parameter(f"avoid_{variant}", "1, 0, 1", "1: nothing is entered in that regime")
    return guarded(edit, f"{on} > 0 and regime == {variant.upper()}")


def adx_floor(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    least = edit.parameter("adx_least", "18.0, 0.0, 50.0", "ADX at least; 0: any")
    return guarded(edit, f"{edit.define('force', 'adx(14)')} < {least}")


def adx_ceiling(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    most = edit.parameter("adx_most", "35.0, 10.0, 100.0", "ADX at most; 100: any")
    return guarded(edit, f"{edit.define('force', 'adx(14)')} > {most}")


def volume_floor(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    least = edit.parameter("volume_least", "0.6, 0.0, 3.0", "volume over its mean; 0: any")
    usual = edit.define("usual_volume", "sma(volume, 50)")
    return guarded(edit, f"volume < {least} * {usual}")


def volatility_floor(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    least = edit.parameter("motion_least", "0.8, 0.0, 2.0", "ATR over its mean; 0: any")
    motion = edit.define("motion", "atr(14) / close")
    usual = edit.define("usual_motion", f"sma({motion}, 100)")
    return guarded(edit, f"{motion} < {least} * {usual}")


def volatility_ceiling(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    most = edit.parameter("motion_most", "1.4, 0.5, 10.0", "ATR over its mean; 10: any")
    motion = edit.define("motion", "atr(14) / close")
    usual = edit.define("usual_motion", f"sma({motion}, 100)")
    return guarded(edit, f"{motion} > {most} * {usual}")


def fewer_guards(found: Manuscript, variant: str) -> Edit | None:
    """Take out one of the guards at the top of entry()."""
    edit = Edit(found)
    node = guards(found)[int(variant) - 1]
    place = found.line_start(node)
    if place is None:
        return None
    edit.splice(place, found.line_end(node) + 1, "")
    return edit


def guards(found: Manuscript) -> list[ast.If]:
    """The `if …: return FLAT` of entry(), outermost."""
    return [
        node
        for node in found.functions["entry"].body
        if isinstance(node, ast.If)
        and not node.orelse
        and len(node.body) == 1
        and isinstance(node.body[0], ast.Return)
        and isinstance(node.body[0].value, ast.Name)
        and node.body[0].value.id == "FLAT"
    ]


def fewer_conditions(found: Manuscript, variant: str) -> Edit | None:
    """Take one condition, counted from 1, out of each entry that has several."""
    edit, number = Edit(found), int(variant) - 1
    for test in joined(found):
        if number < len(test.values):
            first, last = test.values[max(number - 1, 0)], test.values[max(number, 1)]
            if number:
                edit.splice(found.end(first), found.end(last), "")
            else:
                edit.splice(found.start(first), found.start(last), "")
    return edit if edit.splices else None


def joined(found: Manuscript) -> list[ast.BoolOp]:
    """The tests of entries that several conditions must pass."""
    return [
        node.test
        for node in ast.walk(found.functions["entry"])
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.BoolOp)
        and isinstance(node.test.op, ast.And)
        and isinstance(node.body[0], ast.Return)
        and node.body[0].value is not None
        and side_of(node.body[0].value)
    ]


def other_way(found: Manuscript, variant: str) -> Edit | None:
    """Go long where it went short, and the reverse: a fade becomes a follow."""
    edit = Edit(found)
    other = {"long": "short", "short": "long", "LONG": "SHORT", "SHORT": "LONG"}
    for _, value, _ in found.returns():
        name = value.func if isinstance(value, ast.Call) else value
        if isinstance(name, ast.Name):
            edit.splice(found.start(name), found.end(name), other[name.id])
    return edit if edit.splices else None


def dropped(found: Manuscript, wanted: Callable[[str, str], bool]) -> Edit | None:
    """Stay flat where a side and tag that are not wanted were asked for."""
    edit = Edit(found)
    asked = found.returns()
    for _, value, side in asked:
        if not wanted(side, tag_of(value)):
            edit.splice(found.start(value), found.end(value), "FLAT")
    return edit if 0 < len(edit.splices) < len(asked) else None


def one_side(found: Manuscript, variant: str) -> Edit | None:
    return dropped(found, lambda side, tag: side == variant)


def without_tag(found: Manuscript, variant: str) -> Edit | None:
    return dropped(found, lambda side, tag: tag != variant)


# How many ways there are


def each_regime(found: Manuscript) -> Sequence[str]:
    return REGIMES


def each_side(found: Manuscript) -> Sequence[str]:
    return ("long", "short")


def each_tag(found: Manuscript) -> Sequence[str]:
    tags = dict.fromkeys(tag_of(value) for _, value, _ in found.returns())
    return [tag for tag in tags if tag]


def each_guard(found: Manuscript) -> Sequence[str]:
    return [str(number + 1) for number in range(len(guards(found)))]


def each_condition(found: Manuscript) -> Sequence[str]:
    most = max((len(test.values) for test in joined(found)), default=0)
    return [str(number + 1) for number in range(most)]


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
