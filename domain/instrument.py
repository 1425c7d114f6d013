"""What a venue says about one symbol: its grid, its smallest order and its costs.

Prices are whole ticks and quantities whole lots, so that money comes out in whole 1e-8 quote units
(`money.UNIT`): parts always sum to the whole.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct


class Instrument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    # Landed events hold it: what comes later has a default, and is left out where it is that.
    symbol: str  # BASE-QUOTE, perpetuals BASE-QUOTE-PERP
    market: Literal["spot", "perpetual"]
    tick: Decimal  # price step, quote
    lot: Decimal  # quantity step, base
    min_notional: Decimal  # smallest order, quote
    maker: Decimal  # fee, fraction of notional
    taker: Decimal  # fee, fraction of notional
    slippage: Decimal  # fraction of price by which a taker fill is worsened
    maintenance: Decimal  # maintenance margin, fraction of notional
    dynamic: bool = False  # slippage follows the order and the market, from `slippage` up
    costs_of: str = ""  # venue whose profile the costs are from; "": of none
