"""Homes whose accounts trade hard enough for breakers to trip and limits to refuse.

A test says how many bars, which of them are missing and what the operator wants; the kernel is the
real one.
"""

from collections.abc import Sequence

import numpy as np

from application.ports import Bars
from application.safety.audit import SafetyReport, audit
from application.trading import StrategySource
from domain.portfolio.events import OrderPlaced, PositionClosed
from tests.trading_fakes import random_bars
from tests.trading_homes import Home

HOLD = 6  # strategy bars: no position is held longer, whatever happens
WILD = StrategySource(
    "wild",
    f'''"""Long above its mean, short below it, as much as sleeve B may."""
from kernels.language import *

timeframe("5m")
length = param(3, 2, 50)  # bars
sizing("notional", 7900)

mean = sma(close, length)


def entry():
    if close > mean:
        return long(tag="above", confidence=0.5)
    if close < mean:
        return short(tag="below", confidence=0.5)
    return FLAT


def exits():
    return plan(stop=900.0, target=1500.0, max_bars={HOLD})
''',
)
CALM = StrategySource(
    "calm",
    '''"""Small enough for either sleeve, with a stop that follows."""
from kernels.language import *

timeframe("1m")
length = param(9, 2, 50)  # bars
sizing("notional", 2000)

mean = sma(close, length)


def entry():
    if close > mean:
        return long(tag="above", confidence=0.5)
    return FLAT


def exits():
    return plan(stop=150.0, targets=((90.0, 0.5), 300.0), trail=120.0, max_bars=30)
''',
)


def home_of(*sources: StrategySource) -> Home:
    """Open a home of these strategies, WILD alone if none is named."""
    return Home(sources=sources or (WILD,))


def bars_with_gaps(count: int, seed: int, missing: Sequence[tuple[int, int]] = ()) -> Bars:
    """One-minute bars of which stretches (first, how many) never came."""
    bars = random_bars(count, seed)
    kept = np.ones(count, bool)
    for first, length in missing:
        kept[first : first + length] = False
    kept[0] = True
    return bars[kept]


def audited(home: Home) -> SafetyReport:
    """Audit a home's log and bars."""
    return audit(home.log, home.journal)


def entries(home: Home) -> list[OrderPlaced]:
    placed = [e for e in home.of(OrderPlaced) if isinstance(e, OrderPlaced)]
    return [order for order in placed if order.intent == "entry"]


def longest_held(home: Home) -> int:
    """Strategy bars that any closed trade was held."""
    closed = [e for e in home.of(PositionClosed) if isinstance(e, PositionClosed)]
    return max((trade.bars for trade in closed), default=0)
