"""Other exits: stop, targets, trail and time, each scaled, replaced, added or taken away.

Scales are parameters whose ranges hold 1, where nothing changes. Every plan(…) that exits() returns
is edited alike.
"""

import ast
import re
from collections.abc import Callable

from application.improvement.search.edits import Edit
from application.improvement.search.manuscript import Argument, Manuscript
from kernels.frontend.flat import TIMEFRAMES

PRODUCT = re.compile(r"[\w.]+( \* [\w.]+)*")
STEPS = ("", "1.5 * ", "2.25 * ")  # of several targets

Values = dict[str, Argument]


def edited(edit: Edit, change: Callable[[ast.Call, Values], bool]) -> Edit | None:
    """Change every plan(…); None where none could be."""
    plans = edit.manuscript.plans()
    done = [change(call, edit.manuscript.arguments(call)) for call in plans]
    return edit if any(done) else None


def scaled(edit: Edit, argument: Argument, scale: str) -> None:
    text = edit.manuscript.text[argument.value : argument.end]
    edit.splice(argument.value, argument.end, times(scale, text))


def times(scale: str, text: str) -> str:
    """A product, in brackets where what is scaled may not be one."""
    return f"{scale} * {text}" if PRODUCT.fullmatch(text) else f"{scale} * ({text})"


def distances(argument: Argument) -> list[ast.expr]:
    """The distances of targets=(…), the nearest first."""
    if not isinstance(argument.node, ast.Tuple):
        return []
    return [
        each.elts[0] if isinstance(each, ast.Tuple) and each.elts else each
        for each in argument.node.elts
    ]


def wider_stop(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    scale = edit.parameter("stop_scale", "1.5, 1.0, 4.0", "every stop, times this")

    def change(call: ast.Call, given: Values) -> bool:
        if "stop" in given:
            scaled(edit, given["stop"], scale)
        return "stop" in given

    return edited(edit, change)


def nearer_target(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    scale = edit.parameter("target_scale", "0.7, 0.2, 1.0", "every target, times this")

    def change(call: ast.Call, given: Values) -> bool:
        if "target" in given:
            scaled(edit, given["target"], scale)
        nodes = distances(given["targets"]) if "targets" in given else []
        for node in nodes:
            text = found.written(node)
            edit.splice(found.start(node), found.end(node), times(scale, text))
        return "target" in given or bool(nodes)

    return edited(edit, change)


def one_target(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    reach = edit.parameter("target_reach", "1.5, 0.5, 4.0", "the target, over the first there was")

    def change(call: ast.Call, given: Values) -> bool:
        nodes = distances(given["targets"]) if "targets" in given else []
        if len(nodes) < 2:
            return False
        whole = given["targets"]
        edit.splice(whole.start, whole.end, f"target={times(reach, found.written(nodes[0]))}")
        return True

    return edited(edit, change)


def in_ranges(found: Manuscript, variant: str) -> Edit | None:
    """Lay stop and targets in average ranges, where the stop is not."""
    edit = Edit(found)
    wide = edit.parameter("stop_ranges", "2.0, 0.5, 8.0", "stop, average ranges")
    far = edit.parameter("target_ranges", "2.0, 0.3, 10.0", "first target, average ranges")
    unit = edit.define("range_now", "atr(14)")

    def change(call: ast.Call, given: Values) -> bool:
        stop = given.get("stop")
        if stop is None or found.names_behind(stop.node) & {"atr", "true_range", "bar_range"}:
            return False
        edit.splice(stop.value, stop.end, f"{wide} * {unit}")
        if "target" in given:
            edit.splice(given["target"].value, given["target"].end, f"{far} * {unit}")
        nodes = distances(given["targets"]) if "targets" in given else []
        for node, step in zip(nodes, STEPS, strict=False):
            edit.splice(found.start(node), found.end(node), f"{step}{far} * {unit}")
        return True

    return edited(edit, change)


def trail(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    give = edit.parameter("trail_ranges", "3.0, 1.0, 10.0", "average ranges behind the best price")
    unit = edit.define("range_now", "atr(14)")

    def change(call: ast.Call, given: Values) -> bool:
        if "trail" not in given:
            edit.splices.append(found.added(call, f"trail={give} * {unit}"))
        return "trail" not in given

    return edited(edit, change)


def no_trail(found: Manuscript, variant: str) -> Edit | None:
    return without(found, "trail")


def no_soft_stop(found: Manuscript, variant: str) -> Edit | None:
    return without(found, "soft_minutes", "soft_return")


def without(found: Manuscript, *names: str) -> Edit | None:
    edit = Edit(found)

    def change(call: ast.Call, given: Values) -> bool:
        gone = [given[name] for name in names if name in given and given[name].named]
        edit.splices += map(found.without, gone)
        return bool(gone)

    return edited(edit, change)


def soft_stop(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    bar = TIMEFRAMES.get(found.timeframe, 1)
    minutes = edit.parameter("soft_after", f"{8 * bar}, {bar}, {96 * bar}", "minutes")
    least = edit.parameter(
        "soft_least", "0.002, 0.0, 0.02", "fraction that it must have moved by then; 0: any"
    )

    def change(call: ast.Call, given: Values) -> bool:
        if "soft_minutes" not in given:
            words = f"soft_minutes={minutes}, soft_return={least}"
            edit.splices.append(found.added(call, words))
        return "soft_minutes" not in given

    return edited(edit, change)


def longer_hold(found: Manuscript, variant: str) -> Edit | None:
    edit = Edit(found)
    scale = edit.parameter("hold_scale", "2.0, 1.0, 6.0", "every holding time, times this")
    return edited(edit, lambda call, given: timed(edit, given, scale))


def shorter_hold(found: Manuscript, variant: str) -> Edit | None:
    """Hold half as long, or one day at most where there was no end."""
    edit = Edit(found)
    scale = edit.parameter("hold_scale", "0.5, 0.1, 1.0", "every holding time, times this")
    if edited(edit, lambda call, given: timed(edit, given, scale)):
        return edit
    edit = Edit(found)
    bar = TIMEFRAMES.get(found.timeframe, 1)
    most = edit.parameter("most_minutes", f"{24 * bar}, {bar}, {288 * bar}", "minutes held at most")

    def change(call: ast.Call, given: Values) -> bool:
        endless = not {"max_bars", "max_minutes"} & set(given)
        if endless:
            edit.splices.append(found.added(call, f"max_minutes={most}"))
        return endless

    return edited(edit, change)


def timed(edit: Edit, given: Values, scale: str) -> bool:
    """Scale the holding times that depend on nothing that is held."""
    times = [given[name] for name in ("max_bars", "max_minutes") if name in given]
    fixed = [t for t in times if "position" not in edit.manuscript.names_behind(t.node)]
    for argument in fixed:
        scaled(edit, argument, scale)
    return bool(fixed)
