"""The strategy language, told to a model in as few words as it can be written by.

What a program knows by itself (functions, sizing methods, bounds) is read from the kernel, so that
it cannot fall behind; a test compiles every example and looks for every word. docs/language.md is
the reference for people.
"""

from kernels import dtypes
from kernels.frontend import bounds, library, source

TEXT = '''\
A strategy is one file in a small subset of Python. It is parsed and compiled, never executed. There
are no imports, loops, comprehensions, text, attributes (but those below), helper functions or I/O.

A whole file:

"""Fade closes beyond the VWAP bands; stand aside in thin markets."""

timeframe("15m")
lookback = param(20, 5, 100)
width = param(2.0, 0.5, 4.0)
hold = param(12, 2, 96)

mid = vwap(lookback)
spread = stdev(close - mid, lookback)
lower, upper = mid - width * spread, mid + width * spread
usual = sma(volume, 20)
thin = volume < 0.3 * usual


def entry():
    if thin or regime == STRONG_BEAR:
        return FLAT
    if close < lower:
        return long(tag="below_band", confidence=0.6)
    if close > upper:
        return short(tag="above_band", confidence=0.6)
    return FLAT


def exits():
    return plan(stop=1.5 * atr(14), target=1.5 * atr(14), max_bars=hold)

Order: a docstring; timeframe("1m" | "5m" | "15m" | "1h" | "4h" | "1d"), once; then longer
timeframes, parameters, series and sizing(...), each name given once and before it is used; then
def entry(): and def exits():, without arguments, and no other function.

Bars. open high low close (quote) and volume (base) are those of the bar that has just closed.
close[1] is one bar earlier, [n] follows any series, n a whole number written out, 0 to {lookback}.

Numbers: + - * / and brackets, abs(x) sqrt(x) floor(x) min(a, b) max(a, b). No **, %, //, &, |.
Conditions: < <= > >= == != between two numbers, and, or, not, True, False. Not chained: write
x > 30 and x < 70. A number is no condition, a condition no number; a if condition else b chooses.
What has no value yet (warming up, 0 / 0) is NaN; every comparison with it is false but !=.

Parameters: name = param(default, low, high), plain numbers, default within low and high. Whole if
all three are written as whole numbers; only a whole parameter may be a lookback. Lookbacks lie
between 1 and {lookback} for every value of their parameters; sums and products of them are allowed.

Longer timeframes: h1 = higher("1h"), longer than the strategy's own, at most four. h1.open h1.high
h1.low h1.close h1.volume of its last closed bar; ema(h1.close, 20), h1.atr(14), h1.rsi(14).

regime is STRONG_BULL 2, WEAK_BULL 1, RANGING 0, WEAK_BEAR -1 or STRONG_BEAR -2.

entry() returns on every path FLAT, LONG, SHORT, long(...) or short(...) with, if wanted, tag="a_z"
(a-z, 0-9, _), confidence=0..1 and size=0..1, the share of a full trade. A turn to a side is a
signal: after a trade has closed, the next on that side needs FLAT or the other side in between. A
signal against an open position closes it. Inside entry() and exits() there are local names, if,
elif, else and return; every path returns. Entries wait until every named series has a figure.

exits() returns on every path plan(stop=...), all distances in quote from the fill:
stop (needed, above 0), target, or targets=((distance, share), (distance, share), distance), up to
three, shares below 1 together; trail; max_bars; max_minutes; soft_minutes with soft_return. It is
read again at each close while the position is open; then the stop may only tighten. Only in it:
position.side (+1, -1), position.entry_price, position.bars, position.return_ (0.01 is 1 per cent).

sizing(method, value) or sizing(method, value, figure), once; without it sizing("margin", 0.05).
Methods: {methods}.

Account limits, loss limits, breakers, leverage and fees are not in the language. They are the
account's, the same for every strategy, and nothing in a file can name or move them.

Series functions. x, a, b are series; n, m, fast, slow, left, right, smooth, signal and window are
lookbacks; the rest are numbers. Those named _class give 1 bullish, -1 bearish, 0 neutral.
'''


def language() -> str:
    """Give the whole reference."""
    text = TEXT.replace("{lookback}", str(bounds.MAX_LOOKBACK))
    text = text.replace("{methods}", ", ".join(f'"{name}"' for name in dtypes.SIZING))
    functions = "\n".join(told(library.functions()[n]) for n in sorted(library.indicators()))
    return (
        f"{text}{functions}\n\nA file has at most {source.MAX_BYTES:,} bytes and "
        f"{source.MAX_DEPTH} operations inside each other; shorter is better.\n"
    )


def told(function: library.Function) -> str:
    first = " ".join(function.documentation.split("\n\n")[0].split()).split(". ")[0]
    return f"{function.name}({', '.join(function.arguments)}): {first.rstrip('.')}"
