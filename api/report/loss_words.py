"""A look at losses in words: what each pattern means, for the terminal and the page alike."""

from collections.abc import Mapping

from msgspec import Struct

from api.report.wording import date, named, number, percent, whole
from application.improvement.losses.analysis import Losses
from domain.strategy.improvement import LossPattern

MEANINGS: Mapping[str, str] = {
    "ENTERED_EARLY": "went against it at once, was stopped, then came to its target",
    "STOP_TOO_TIGHT": "was stopped, then came back to its entry",
    "TARGET_TOO_FAR": "came half way to its target, then lost",
    "HELD_TOO_LONG": "its time ran out, and it stood better half way through",
    "WRONG_REGIME": "entered in this regime",
    "THIN_VOLUME": "entered at less than half of the usual volume",
    "HIGH_VOLATILITY": "entered in a market livelier than usual by a quarter",
    "LOW_VOLATILITY": "entered in a market calmer than usual by a quarter",
    "BAD_HOUR": "entered in these hours, UTC",
    "BAD_TAG": "entered for this reason",
    "BAD_SYMBOL": "of this symbol",
}
HEAD = ("Pattern", "Of", "Losses", "Share", "Effect", "95 % interval", "")
SIGNIFICANT = "significant"
READ = (
    "Effect: by how much the rate differs from what it is compared with, in percentage points:"
    " trades that have it lose so much more often than those that have not, or the event comes so"
    " much more often than its mirror image. Significant: after all patterns looked at are counted."
)


class Look(Struct, frozen=True, kw_only=True):
    """Whose losses were looked at, over which bars."""

    strategy: str
    version: str
    symbols: tuple[str, ...]
    start: int  # open of the first bar traded, ms
    until: int  # nothing that came later was looked at

    @property
    def title(self) -> str:
        """Name it in a line."""
        return f"Losses of {self.strategy} {self.version}"

    @property
    def span(self) -> str:
        """Say on what."""
        return f"{', '.join(self.symbols)} · {date(self.start)} to {date(self.until)} · sleeve B"


def summary(losses: Losses) -> str:
    """Say in a sentence what came of the trades."""
    share = percent(losses.losses / losses.trades if losses.trades else None, 1)
    told = f"{whole(losses.trades)} trades, {whole(losses.losses)} losses ({share})"
    return f"{told}, net {number(losses.net, signed=True)} quote"


def cells(pattern: LossPattern) -> tuple[str, ...]:
    """Spell a pattern's row of `HEAD`."""
    points = [
        number(None if value is None else value * 100, 1, signed=True)
        for value in (pattern.effect, pattern.low, pattern.high)
    ]
    interval = "" if pattern.effect is None else f"{points[1]} to {points[2]}"
    return (
        named(pattern.code).lower(),
        named(pattern.group),
        whole(pattern.count),
        percent(pattern.share, 1),
        points[0],
        interval,
        SIGNIFICANT if pattern.significant else "",
    )
