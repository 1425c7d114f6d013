"""The layout of everything that enters or leaves the kernel, with a unit on every field.

Money is in whole 1e-8 quote units, prices in whole ticks, quantities in whole lots: integer-valued
doubles below 2^53, so sums are exact. Digests are taken over these little-endian layouts, so an
order or a width here is part of every recorded digest: extend at the end, never reorder.
"""

import numpy as np

BAR = np.dtype(
    [
        ("timestamp", "<i8"),  # bar open, ms UTC
        ("open", "<f8"),  # quote
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),  # base
        (
            "funding",
            "<f8",
        ),  # sum of funding rates settled in (previous open, this open]; 0 for spot
    ]
)

# One row of what happened to an account: float64 columns, row-major. KIND decides what A… mean.
RECORD_WIDTH = 17
KIND = 0
BAR_INDEX = 1  # index of the base bar within the block
AT_CLOSE = 2  # 0: at that bar's open, 1: within the bar or at its close
A, B, C, D, E, F, G, H, I, J, K, L, M = range(3, 16)
SYMBOL = 16  # index of the symbol among the account's; 0 for what is the account's as a whole

SIGNAL = 1  # A side ±1, B confidence, C tag index, D index of the strategy bar in the block,
#             E stop distance (quote, NaN none), F target distance, G close (ticks)
ORDER = 2  # A side +1 buy −1 sell, B intent code, C lots, D reference price (ticks), E tag index
FILL = 3  # A side, B intent code, C lots, D price (ticks), E reference price before slippage
#           (ticks), F fee, G slippage cost, H 1 taker 0 maker
CANCELLED = 4  # A reason code, B intent code of the pending order that was withdrawn
OPENED = 5  # A side, B lots, C entry price (ticks), D stop (ticks, NaN none), E target, F tag index
CLOSED = 6  # A side, B lots, C entry (ticks), D last exit (ticks), E gross, F fees, G slippage,
#             H funding, I net, J MAE, K MFE, L strategy bars held, M intent code of the last exit
FUNDED = 7  # A rate, B amount paid (+) or received (−)
LIQUIDATED = 8  # A price (ticks), B margin lost
MARKED = 9  # A cash, B unrealised, C peak equity, D deepest drawdown, E close (ticks; NaN where
#             the account holds several symbols)
REFUSED = 10  # A limit code, B limit, C observed (NaN: could not be computed)
TRIPPED = 11  # A limit code, B limit, C observed, D until (ms); money, or a count (RISK_LOSSES)
CLEARED = 12  # A limit code
RUINED = 13  # A equity, B required (both money)

# Intent codes, the order's reason to be; names as in domain.portfolio.events.Intent.
INTENTS = (
    "entry",
    "stop",
    "target",
    "time_limit",
    "reverse",
    "liquidation",
    "operator",
    "target_2",
    "target_3",
    "trail",
    "soft_time",
)
ENTRY, STOP, TARGET, TIME_LIMIT, REVERSE, LIQUIDATION, OPERATOR, TARGET_2, TARGET_3 = range(9)
TRAIL, SOFT_TIME = 9, 10

# Limit codes, as recorded in RiskRefused and BreakerTripped.
LIMIT_CODES = (
    "RISK_DAILY_LOSS",
    "RISK_MARGIN_FRACTION",
    "RISK_MARGIN_ABSOLUTE",
    "RISK_NOTIONAL",
    "RISK_STOP_MISSING",
    "RISK_MINIMUM",
    "RISK_FIGURE_MISSING",
    "RISK_WEEKLY_LOSS",
    "RISK_MONTHLY_LOSS",
    "RISK_LOSSES",
    "RISK_RAPID_LOSS",
    "RISK_POSITIONS",
)
(
    DAILY_LOSS,
    MARGIN_FRACTION,
    MARGIN_ABSOLUTE,
    NOTIONAL,
    STOP_MISSING,
    MINIMUM,
    FIGURE_MISSING,
    WEEKLY_LOSS,
    MONTHLY_LOSS,
    LOSSES,
    RAPID_LOSS,
    POSITIONS,
) = range(12)
COUNTS = frozenset((LOSSES, POSITIONS))  # whose limit and observed figure are no money

# Control bits, one word per account and block: what the inputs say about it.
ENTRIES_OFF = 1  # paused, demoted, retired, stopped: pending entries are withdrawn, exits go on
FLATTEN = 2  # close what is open at the next open

# Reasons of CANCELLED.
CANCEL_REASONS = ("entries_off", "position_closed")
WITHDRAWN, ALREADY_CLOSED = range(2)

# Limits an account is held to. Money in 1e-8 quote; 0 in `enforced` turns them all off (research).
LIMITS = np.dtype(
    [
        ("enforced", "<f8"),  # 1 or 0
        ("daily_loss", "<f8"),  # money: realised + open since the UTC day began
        ("weekly_loss", "<f8"),  # money: since the ISO week began
        ("monthly_loss", "<f8"),  # money: since the month began
        ("rapid_loss", "<f8"),  # money below the highest of the last twelve five-minute marks
        ("losses", "<f8"),  # in a row
        ("pause", "<f8"),  # ms that the last two stop entries for
        ("margin_fraction", "<f8"),  # initial margin of a trade / equity
        ("margin_absolute", "<f8"),  # money: initial margin of a trade
        ("notional_multiple", "<f8"),  # Σ notional / equity
        ("positions", "<f8"),  # open or waiting to open
    ]
)

# What an account is charged and how finely it trades.
MARKET = np.dtype(
    [
        ("tick", "<f8"),  # quote
        ("lot", "<f8"),  # base
        ("unit", "<f8"),  # money of one lot moving one tick, whole: tick · lot · 1e8
        ("min_notional", "<f8"),  # money
        ("maker", "<f8"),  # fraction of notional
        ("taker", "<f8"),
        ("slippage", "<f8"),  # fraction of price; where it is dynamic, what it begins from
        ("dynamic", "<f8"),  # 1: slippage follows the size of the order and the previous bar
        ("maintenance", "<f8"),  # maintenance margin, fraction of notional
        ("perpetual", "<f8"),  # 1: funding applies
    ]
)

# What sizing remembers of closed trades: a figure of each of the last ones, in rings.
LAST_LOTS = 50  # trades whose net of a lot is looked at
LAST_CLOSED = 10  # trades after which the closed net is looked at
RINGS = {"lot_0": LAST_LOTS, "closed_0": LAST_CLOSED}  # first field -> length
RING_NAMES = tuple(f"{first[:-1]}{n}" for first, length in RINGS.items() for n in range(length))

# What one account holds. At first cash and all equities are the capital, all else is 0.
MARKS = 12  # five-minute marks looked back over
MARK_NAMES = tuple(f"mark_{n}" for n in range(1, MARKS + 1))
ACCOUNT = np.dtype(
    [
        (name, "<f8")
        for name in (
            "leverage",
            "reach",  # notional that sizing can ask for / equity
            "cash",  # money: capital + nets of closed trades − fees and funding of what is open
            "equity",  # money, at the last close
            "peak",  # money
            "drawdown",  # money, deepest so far
            "ruined",  # 1 or 0
            "trades",  # closed so far
            "wins",  # of them, with a net above 0
            "profit",  # money: Σ net of the wins
            "loss",  # money: −Σ net of the others
            "all_fees",  # money, of closed trades
            "all_slippage",
            "all_funding",
            "day_equity",  # money, when the UTC day began
            "week_equity",
            "month_equity",
            "blocked_until",  # ms: when the first of the breakers that hold is over; 0: none does
            "day_until",  # ms, of each breaker; 0: it does not hold
            "week_until",
            "month_until",
            "losses_until",
            "rapid_until",
            "losses",  # closed in a row
            "strikes",  # of them, since a breaker last counted them
            "high",  # money: the highest of the marks
            *MARK_NAMES,  # money, the latest first
            # What follows is kept where sizing looks at closed trades, and stays 0 elsewhere.
            "wins_in_row",
            "worst_lot",  # money: the largest loss of a lot so far
            *RING_NAMES,  # money: nets of a lot; Σ net of all trades after one
            # Of several symbols, at their last closes; 0 where there is one.
            "unrealised",  # money
            "notional",  # money: of open positions and waiting entries
            "taken",  # how many symbols have one
            "open",  # how many have a position
            "smallest",  # money: the least that any symbol's smallest order takes
        )
    ]
)

# What it holds of one symbol. At first levels are NaN, all else 0. Levels (stop, edge, targets,
# worst, best) are signed: ticks × side, so that more is better.
HELD = np.dtype(
    [
        (name, "<f8")
        for name in (
            "position",  # lots, signed
            "entry_price",  # ticks, before slippage
            "entry_ticks",  # ticks, as filled
            "lots",  # opened with
            "realised",  # money made by what was closed of an open position, at fill prices
            "fees",  # money, of this trade so far
            "slippage",  # money, likewise
            "funding",  # money paid on this position
            "bars",  # strategy bars held
            "opened_at",  # ms: open of the bar it was entered in
            "worst",  # signed ticks, least favourable so far
            "best",  # signed ticks, most favourable so far
            "tag",  # index
            "stop",  # signed ticks, NaN none
            "edge",  # signed ticks where the venue takes the position, NaN never
            "target",  # signed ticks, NaN none
            "target_2",
            "target_3",
            "lots_1",  # to close at the first target
            "lots_2",
            "trail",  # ticks that the stop follows behind the best price, NaN does not
            "trailed",  # 1: the stop is where it followed to
            "side",  # what entry() said last: ±1, 0 flat
            # where an account holds several symbols, at this one's last close:
            "unrealised",  # money
            "notional",  # money, of the position
            "waiting",  # money: notional of an entry that waits
            "smallest",  # money: what its smallest order takes; 0 before its first bar
        )
    ]
)
EQUITIES = ("equity", "peak", "day_equity", "week_equity", "month_equity", "high", *MARK_NAMES)
CAPITAL = ("cash", *EQUITIES)  # what begins as the capital
LEVELS = ("stop", "edge", "target", "target_2", "target_3", "trail")  # NaN where there is none

# What was decided at the last strategy close and waits for the next open.
PENDING = np.dtype(
    [
        (name, "<f8")
        for name in (
            "entry_lots",  # signed; 0: no entry waits
            "stop_ticks",  # distance from the fill
            "target_ticks",  # distance, NaN none
            "target_2_ticks",
            "target_3_ticks",
            "share_1",  # of the lots to close at the first target
            "share_2",
            "trail_ticks",  # distance, NaN none
            "tag",  # index
            "exit_intent",  # intent code; 0: no exit waits
        )
    ]
)

# What no order ever follows from, unless a strategy asks: only records tell it, so a sweep does not
# keep it, and no digest of an account holds it.
TOLD = frozenset(
    {
        ("held", "entry_price"),
        ("held", "lots"),
        ("held", "worst"),
        ("held", "best"),
        ("held", "tag"),
        ("intents", "tag"),
    }
)

# What the inputs say, one flag each, unpacked from the control word.
CONTROL = np.dtype([("entries_off", "<f8"), ("flatten", "<f8")])

# One base bar as the step reads it: prices in whole ticks, and all that depends on time alone. What
# every bar is asked for comes first, eight to a cache line.
TAPE = np.dtype(
    [
        (name, "<f8")
        for name in (
            "open",  # ticks
            "high",
            "low",
            "close",
            "funding",  # sum of rates since the previous open
            "closed",  # strategy bars that close at this bar
            "index",  # of the last of them among those of the tape
            "new_day",  # 1: the first bar of a UTC day
            "timestamp",  # bar open, ms UTC
            "closes_at",  # ms
            "mark_due",  # 1: equity is told at this close
            "five",  # 1: the first close at or after a multiple of five minutes
            "wake",  # index of the next bar, from this one on, at which an idle account may change
            "volume",  # base
            "turnover",  # money: volume · close of the bar before, 0 where there is none
            "range",  # (high − low) / close of the bar before
            "day_ends",  # ms: when that day is over
            "new_week",  # 1: the first bar of an ISO week
            "week_ends",
            "new_month",
            "month_ends",
        )
    ]
)

# How large a trade is (`sizing(method, value)`), by code; what each takes is in `sizing_methods`.
SIZING = (
    "margin",
    "fraction",
    "notional",
    "risk",
    "kelly",
    "kelly_half",
    "kelly_quarter",
    "atr",
    "percent_volatility",
    "volatility_target",
    "equity_curve",
    "martingale",
    "anti_martingale",
    "fixed_ratio",
    "williams",
    "optimal_f",
)
MARGIN_OF_EQUITY = 0
OWN_RECORD = 20  # closed trades from which on a method trusts them

EXACT = 2.0**53  # whole numbers below it are exact doubles

# Default sizing: this share of equity is put up as margin for a trade (method "margin").
MARGIN_SHARE = 0.05

# A closed trade, as digested: twelve int64, little-endian, in the order they closed.
TRADE = np.dtype(
    [
        ("entry_at", "<i8"),  # ms
        ("exit_at", "<i8"),
        ("side", "<i8"),  # ±1
        ("lots", "<i8"),
        ("entry_ticks", "<i8"),
        ("exit_ticks", "<i8"),
        ("gross", "<i8"),  # money, 1e-8 quote
        ("fees", "<i8"),
        ("slippage", "<i8"),
        ("funding", "<i8"),
        ("net", "<i8"),
        ("intent", "<i8"),  # code of the exit
    ]
)
