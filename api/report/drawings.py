"""Still drawings of the page: how nets are distributed, and how trades stood on the way.

They are vector images made here, so they need no script and print at any size. A few extreme
trades would press all others into one bar: what lies beyond the outer percentiles is drawn at the
edge, and the caption says how many.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from api.report.markup import Markup, element
from api.report.wording import number, whole
from kernels.metrics.trades import Trade

Array = np.ndarray[Any, Any]

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 34
BARS = 40  # of the distribution, about
TAIL = 0.5  # percent of the trades beyond either edge of the distribution
DOTS = 2_000  # trades of the scatter, the last ones
FAR = 99.0  # percentile at the edge of the scatter
BEYOND = 2.0  # times a percentile from which a value is an extreme
STEPS = (1.0, 2.0, 5.0, 10.0)


def distribution(trades: Sequence[Trade]) -> Markup:
    """Draw how many trades ended at which net."""
    if not trades:
        return nothing("No trade was closed.")
    nets = np.array([float(trade.net) for trade in trades])
    low, high = -edge(-nets, 100.0 - TAIL), edge(nets, 100.0 - TAIL)
    step = nice((max(high, 0.0) - min(low, 0.0)) / BARS or abs(high) / BARS or 1.0)
    places = np.floor(nets / step).astype(np.int64)
    places[nets == 0.0] = -1  # a net of 0 is a loss
    first = min(int(np.floor(low / step)), -1 if np.any(places < 0) else 0)
    last = max(int(np.floor(high / step)) + 1, 0)
    inside = np.clip(places, first, last - 1)
    counts = np.bincount(inside - first, minlength=last - first)
    outside = int(np.count_nonzero(inside != places))
    frame = Frame(first * step, last * step, 0.0, float(counts.max()))
    bars = (bar(frame, (first + n) * step, step, int(count)) for n, count in enumerate(counts))
    caption = f"Trades by net, {whole(len(trades))} in steps of {number(step, digits_of(step))}"
    if outside:
        caption += f"; {whole(outside)} beyond the edges are in the outer bars"
    drawn = element("g", *bars)
    return figure(caption, "Net, quote", "Trades", frame, [drawn])


def bar(frame: "Frame", start: float, step: float, count: int) -> Markup | None:
    if count == 0:
        return None
    left, right = frame.x(start), frame.x(start + step)
    top = frame.y(count)
    title = f"{number(start)} to {number(start + step)}: {whole(count)}"
    return element(
        "rect",
        element("title", title),
        x=round(left + 0.5, 2),
        y=round(top, 2),
        width=round(max(right - left - 1.0, 0.5), 2),
        height=round(frame.y(0.0) - top, 2),
        class_="up" if start >= 0 else "down",
    )


def excursions(trades: Sequence[Trade]) -> Markup:
    """Draw how far each of the last trades went against its position, and how far for it."""
    if not trades:
        return nothing("No trade was closed.")
    shown = trades[-DOTS:]
    against = np.array([-float(trade.mae) for trade in shown])
    along = np.array([float(trade.mfe) for trade in shown])
    far = [edge(values, FAR) or 1.0 for values in (against, along)]
    outside = int(np.count_nonzero((against > far[0]) | (along > far[1])))
    frame = Frame(0.0, far[0], 0.0, far[1])
    dots = (
        element(
            "circle",
            cx=round(frame.x(min(x, far[0])), 1),
            cy=round(frame.y(min(y, far[1])), 1),
            r=2.2,
            class_="up" if trade.net > 0 else "down",
        )
        for trade, x, y in zip(shown, against.tolist(), along.tolist(), strict=True)
    )
    caption = f"Excursions of {whole(len(shown))} trades"
    if len(shown) < len(trades):
        caption = f"Excursions of the last {whole(len(shown))} of {whole(len(trades))} trades"
    if outside:
        caption += f"; {whole(outside)} lie beyond the edges"
    x, y = "Against the position (MAE), quote", "For it (MFE), quote"
    return figure(caption, x, y, frame, [element("g", *dots)])


def edge(values: Array, percentile: float) -> float:
    """Where a drawing ends: at the highest value, or at a percentile that it lies far beyond."""
    highest, usual = float(values.max()), float(np.percentile(values, percentile))
    return highest if highest <= BEYOND * usual or usual <= 0.0 else usual


class Frame:
    """Where figures lie on the drawing."""

    def __init__(self, left: float, right: float, bottom: float, top: float) -> None:
        self.left, self.right, self.bottom, self.top = left, right, bottom, top

    def x(self, value: float) -> float:
        share = (value - self.left) / (self.right - self.left)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.bottom) / (self.top - self.bottom)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def axes(self) -> Iterator[Markup]:
        floor = HEIGHT - BOTTOM
        for value, text in ticks(self.left, self.right, 6):
            x = round(self.x(value), 1)
            yield element("line", x1=x, x2=x, y1=TOP, y2=floor, class_="grid")
            yield element("text", text, x=x, y=floor + 14, class_="middle")
        for value, text in ticks(self.bottom, self.top, 5):
            y = round(self.y(value), 1)
            yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
            yield element("text", text, x=LEFT - 5, y=y + 4, class_="end")


def figure(caption: str, x: str, y: str, frame: Frame, drawn: Sequence[Markup]) -> Markup:
    axis = element("text", x, x=WIDTH - RIGHT, y=HEIGHT - 4, class_="end axis")
    side = element("text", y, x=LEFT + 4, y=TOP + 10, class_="axis")
    content = (*frame.axes(), *drawn, axis, side)
    image = element(
        "svg", *content, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=caption
    )
    return element("figure", image, element("figcaption", caption), class_="card")


def nothing(text: str) -> Markup:
    return element("figure", element("p", text, class_="quiet"), class_="card")


def nice(step: float) -> float:
    """Round a step up to one that people count by."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(each * power for each in STEPS if each * power >= step * (1 - 1e-9)))


def digits_of(step: float) -> int:
    return max(0, -int(np.floor(np.log10(step) + 1e-9)))


def ticks(low: float, high: float, count: int) -> Iterator[tuple[float, str]]:
    step = nice((high - low) / count)
    digits = digits_of(step)
    for place in range(int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9)) + 1):
        yield place * step, number(place * step, digits)
