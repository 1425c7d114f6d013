"""Safety limits: what no strategy, model or setting can move.

They are constants without a setter, outside the strategy language, given to the kernel by value;
every entry is judged against them again in `domain.entries`. What is in force may be tighter where
an operator said so (`domain.tightening`), never looser.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

# A futures trader's usual 1 / 3 / 8 daily, weekly, monthly stop on two $17,000 sleeves (~3 %).
DAY_LOSS: Final = Decimal(500)  # quote: realised + open, since the UTC day began
WEEK_LOSS: Final = Decimal(1500)  # quote: since the ISO week began
MONTH_LOSS: Final = Decimal(4000)  # quote: since the month began
MARGIN_FRACTION: Final = Decimal("0.15")  # initial margin of a trade / equity
CONTRACT_MARGIN: Final = Decimal(10)  # quote: initial margin of one contract
CONTRACTS: Final = 100  # most contracts in one trade
NOTIONAL_MULTIPLE: Final = Decimal(8)  # Σ notional / equity
POSITIONS: Final = 10  # open at once in one account
SPREAD: Final = Decimal("0.005")  # widest bid-ask spread an entry may cross, fraction of price
LIVE_MAX_LEVERAGE: Final = 8
ACCOUNTS_PER_SYMBOL: Final = 2  # accounts holding one symbol across a live venue account
ACCOUNTS_PER_DIRECTION: Final = 1  # of them in one direction
CORRELATED: Final = Decimal("0.8")  # symbols that move together at least so much are one bet
CORRELATION_DAYS: Final = 30  # looked back over
CORRELATED_MULTIPLE: Final = Decimal(2)  # Σ notional of one bet / equity of the venue account
LOSSES_IN_A_ROW: Final = 3  # pauses entries
RAPID_LOSS: Final = Decimal(200)  # quote below the highest of the last marks: pauses entries
RAPID_LOSS_MARKS: Final = 12  # five-minute marks looked back over
PAUSE_MS: Final = 60 * 60_000  # how long the two pauses above last
SLEEVE_CAPITAL: Final = Decimal(17_000)  # quote each paper account opens with
SLEEVE_LEVERAGE: Final = {"A": 1, "B": 8}


class Limits(Struct, frozen=True):
    """What an account is held to, as a value: part of every digest that depends on it."""

    enforced: bool  # False only in research, where nothing can be traded
    day_loss: Decimal
    week_loss: Decimal
    month_loss: Decimal
    rapid_loss: Decimal
    losses: int  # in a row
    pause: int  # ms that the last two stop entries for
    margin_fraction: Decimal
    margin_absolute: Decimal
    notional_multiple: Decimal
    positions: int
    leverage: int


def effective() -> Limits:
    """Give the limits as they are while nobody has tightened one."""
    return Limits(
        enforced=True,
        day_loss=DAY_LOSS,
        week_loss=WEEK_LOSS,
        month_loss=MONTH_LOSS,
        rapid_loss=RAPID_LOSS,
        losses=LOSSES_IN_A_ROW,
        pause=PAUSE_MS,
        margin_fraction=MARGIN_FRACTION,
        margin_absolute=CONTRACTS * CONTRACT_MARGIN,
        notional_multiple=NOTIONAL_MULTIPLE,
        positions=POSITIONS,
        leverage=LIVE_MAX_LEVERAGE,
    )
