"""Safety limits: what no strategy, model or setting can move.

They are constants without a setter, outside the strategy language, given to the kernel by value and
checked again here on every entry. A figure that is missing or not a number refuses the order: an
unknown risk is not a small one. Only an `Approved` order may reach a broker, and only `judge_order`
makes one.
"""

from decimal import Decimal
from typing import Final, Generic, TypeVar

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
LOSSES_IN_A_ROW: Final = 3  # pauses entries
RAPID_LOSS: Final = Decimal(200)  # quote below the highest of the last marks: pauses entries
RAPID_LOSS_MARKS: Final = 12  # five-minute marks looked back over
PAUSE_MS: Final = 60 * 60_000  # how long the two pauses above last
SLEEVE_CAPITAL: Final = Decimal(17_000)  # quote each paper account opens with
SLEEVE_LEVERAGE: Final = {"A": 1, "B": 8}

# The kernel sizes in doubles and rounds to lots with a 1e-9 lot allowance; what it may thereby
# exceed a limit by is far below this, and below this nothing is at stake.
ROUNDING: Final = Decimal("0.000001")  # quote

T = TypeVar("T")


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


class EntryOrder(Struct, frozen=True):
    """An entry as it stands before the gate. None: the figure could not be computed."""

    symbol: str
    notional: Decimal | None  # quantity × reference price, quote
    minimum: Decimal  # the venue's smallest order, quote
    leverage: int


class Exposure(Struct, frozen=True):
    """What the account looks like when the entry is judged. None: could not be computed."""

    equity: Decimal | None  # cash + open P&L, quote
    day_loss: Decimal | None  # fall of equity since the UTC day began, quote; negative for a gain
    notional: Decimal | None  # of what stays open beside the entry, quote
    positions: int  # that stay open beside the entry
    breakers: tuple[str, ...] = ()  # codes of the breakers that are tripped


class Approved(Struct, Generic[T], frozen=True):
    """An order that passed every limit: the only kind that reaches a broker."""

    order: T


class Refused(Struct, frozen=True):
    """An order that did not pass, as recorded in `RiskRefused`."""

    code: str
    limit: Decimal
    observed: Decimal | None  # None: the figure could not be computed


def effective() -> Limits:
    """Give the limits in force."""
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


def judge_order(
    order: EntryOrder, exposure: Exposure, limits: Limits
) -> Approved[EntryOrder] | Refused:
    """Judge an entry against every limit, the first that fails naming the refusal.

    Exits are never judged: nothing may stand between an account and being flat.
    """
    if not limits.enforced:
        return Approved(order)
    figures = (order.notional, exposure.equity, exposure.day_loss, exposure.notional)
    refusal = missing(figures) or standing(order, exposure, limits)
    return refusal or sized(order, exposure, limits) or Approved(order)


def missing(figures: tuple[Decimal | None, ...]) -> Refused | None:
    known = all(figure is not None and figure.is_finite() for figure in figures)
    return None if known else Refused("RISK_FIGURE_MISSING", Decimal(0), None)


def standing(order: EntryOrder, exposure: Exposure, limits: Limits) -> Refused | None:
    if exposure.breakers:
        return Refused("RISK_BREAKER", Decimal(0), Decimal(len(exposure.breakers)))
    if not 1 <= order.leverage <= limits.leverage:
        return Refused("RISK_LEVERAGE", Decimal(limits.leverage), Decimal(order.leverage))
    if exposure.positions + 1 > limits.positions:
        return Refused("RISK_POSITIONS", Decimal(limits.positions), Decimal(exposure.positions + 1))
    loss = exposure.day_loss
    if loss is None or loss >= limits.day_loss:
        return Refused("RISK_DAILY_LOSS", limits.day_loss, loss)
    return None


def sized(order: EntryOrder, exposure: Exposure, limits: Limits) -> Refused | None:
    notional, equity, beside = order.notional, exposure.equity, exposure.notional
    if notional is None or equity is None or beside is None:
        return Refused("RISK_FIGURE_MISSING", Decimal(0), None)
    if equity <= 0 or notional <= 0 or notional + ROUNDING < order.minimum:
        return Refused("RISK_MINIMUM", order.minimum, min(notional, equity))
    margin = notional / order.leverage
    if margin > limits.margin_fraction * equity + ROUNDING:
        return Refused("RISK_MARGIN_FRACTION", limits.margin_fraction * equity, margin)
    if margin > limits.margin_absolute + ROUNDING:
        return Refused("RISK_MARGIN_ABSOLUTE", limits.margin_absolute, margin)
    if notional + beside > limits.notional_multiple * equity + ROUNDING:
        return Refused("RISK_NOTIONAL", limits.notional_multiple * equity, notional + beside)
    return None
