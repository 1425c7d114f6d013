"""Paper trading: one pipeline for every feed, from bars and commands to durable events."""

from application.trading.arriving import BadBars
from application.trading.classifying import Asker, Classifying
from application.trading.opening import BarsLost, LogLost, StrategySource
from application.trading.rebuild import OpeningStopped
from application.trading.trader import Improving, Trader, TraderFailed

__all__ = [
    "Asker",
    "BadBars",
    "BarsLost",
    "Classifying",
    "Improving",
    "LogLost",
    "OpeningStopped",
    "StrategySource",
    "Trader",
    "TraderFailed",
]
