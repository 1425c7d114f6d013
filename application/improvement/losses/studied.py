"""A closed trade with all that is looked at when losses are explained.

Levels and excursions are told in quote and in multiples of the planned risk, so that trades of
different sizes and symbols can be laid side by side. None: it could not be told, because a series
was not warm, a plan named no target, or the bars ended first.
"""

from decimal import Decimal

from msgspec import Struct

from kernels.metrics.trades import Trade

TIME_EXITS = ("time_limit", "soft_time")


class Afterwards(Struct, frozen=True, kw_only=True):
    """What the price did once the trade was over, in the trade's direction from its entry."""

    minutes: int  # looked at: the longest holding, less where the bars ended before
    best: float  # multiples of risk
    worst: float
    entry_again: bool  # the entry price was seen, or better
    target_reached: bool | None  # the first target would have been filled; None: there was none


class Turns(Struct, frozen=True, kw_only=True):
    """Which of two levels, equally far, the price came to first.

    Each begins with the bar after that in which a level was touched while the trade was open, and
    follows the price alone. In a market without memory each is a coin. None: it never began, or
    neither level was reached in time, or both in one bar.
    """

    after_stop_to_entry: bool | None  # rather than as far again beyond the stop
    after_stop_to_target: bool | None  # likewise; of trades that went against from the first
    after_target_to_entry: bool | None  # rather than as far again beyond the first target
    after_target_to_stop: bool | None  # likewise; of trades that went well from the first
    half_target: bool | None  # whether it came half way to the first target at all
    half_target_to_entry: bool | None  # from there: rather than to the target
    half_stop_to_entry: bool | None  # from half way to the stop: rather than to the stop


class StudiedTrade(Struct, frozen=True, kw_only=True):
    """A closed trade, what was known at its entry, and what came of it."""

    trade: Trade  # as the account's records tell it; its regime is that of the signal's bar
    confidence: float  # as entry() gave it
    reference: Decimal  # entry price before slippage
    stop: Decimal | None  # levels as planned at the entry
    target: Decimal | None  # the first
    risk: Decimal  # money: stop distance · quantity
    mae: float | None  # multiples of risk, ≤ 0
    mfe: float | None  # ≥ 0
    net: float | None
    hour: int  # of the entry, UTC
    weekday: int  # 0 Monday … 6 Sunday
    series: dict[str, float | None]  # the strategy's own, at the bar of the signal
    volatility: float | None  # ATR(14) / close there, over its mean of 100 strategy bars
    volume: float | None  # volume there, over its mean of 20 strategy bars
    afterwards: Afterwards | None  # None: there was no bar after it
    turns: Turns
    late: float | None  # multiples of risk that the price made in the second half of the longest
    #                     holding, of trades that were open when it began
    later: float | None  # and in the equally long time after it

    @property
    def entry_at(self) -> int:
        """Give when it was entered, ms."""
        return self.trade.entry_at

    @property
    def exit_at(self) -> int:
        """Give when the last of it was left, ms."""
        return self.trade.exit_at

    @property
    def lost(self) -> bool:
        """Tell whether it is a loss: its net is not above zero."""
        return self.trade.net <= 0
