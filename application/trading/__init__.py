"""Paper trading: one pipeline for every feed, from bars and commands to durable events."""

from application.trading.trader import BadBars, StrategySource, Trader, TraderFailed

__all__ = ["BadBars", "StrategySource", "Trader", "TraderFailed"]
