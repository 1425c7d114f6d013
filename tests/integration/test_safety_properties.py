"""Whatever comes: no order past a breaker or a limit, and no exit that is kept from the market.

Bars of a wild walk with holes of hours and days, restarts with and without what was saved, bars
that are no numbers, and an operator who pauses, flattens, resumes and tightens, in any order.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.replay import reproduce
from application.trading import BadBars
from domain.limits import effective
from domain.portfolio.events import (
    BreakerCleared,
    BreakerTripped,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    PositionClosed,
)
from domain.strategy.events import Flattened
from domain.tightening import BOUNDS, LimitTightened, figure
from tests.safety_homes import CALM, HOLD, WILD, audited, entries, home_of
from tests.trading_fakes import random_bars
from tests.trading_homes import Home

SERIES = [random_bars(9_000, seed) for seed in range(6)]
EXAMPLES = max(15, settings().max_examples // 8)
TIGHTER = {
    "day_loss": ("400", "150", "40"),
    "week_loss": ("900", "120"),
    "month_loss": ("2000", "90"),
    "rapid_loss": ("150", "60", "20"),
    "losses": ("2", "1"),
    "pause": ("5400000", "9000000"),
    "margin_fraction": ("0.1", "0.05", "0.07"),
    "margin_absolute": ("900", "260"),
    "notional_multiple": ("2", "0.3"),
    "positions": ("1", "0"),
}

TIGHTENINGS = [(name, value) for name, values in TIGHTER.items() for value in values]
ACTS = st.one_of(
    st.tuples(st.just("feed"), st.integers(1, 900)),
    st.tuples(st.just("feed"), st.integers(1, 900)),
    st.tuples(st.just("feed"), st.integers(1, 900)),
    st.tuples(st.just("skip"), st.sampled_from([1, 4, 59, 61, 700, 1_500, 3_000])),
    st.tuples(st.just("restart"), st.sampled_from(["kept", "lost", "ahead"])),
    st.tuples(st.just("spoil"), st.sampled_from(["open", "high", "low", "close", "volume"])),
    st.tuples(st.sampled_from(["pause", "resume", "flatten"]), st.sampled_from(["calm", "wild"])),
    st.tuples(st.just("flatten"), st.just("")),
    st.tuples(st.just("tighten"), st.sampled_from(TIGHTENINGS)),
)


class Story:
    """A home, and where its bars are."""

    def __init__(self, seed: int) -> None:
        self.home = home_of(CALM, WILD)
        self.bars = SERIES[seed]
        self.at = 0
        self.commands = 0

    def take(self, act: str, what: object) -> None:
        named: dict[str, Callable[[object], None]] = {
            "feed": self.feed,
            "skip": self.skip,
            "restart": self.restart,
            "spoil": self.spoil,
            "tighten": self.tighten,
        }
        if act in named:
            named[act](what)
        else:
            self.commands += 1
            self.home.command(act, str(what), f"c{self.commands}")  # type: ignore[arg-type]

    def feed(self, count: object) -> None:
        part = self.bars[self.at : self.at + int(str(count))]
        self.at += len(part)
        if len(part):
            self.home.feed(part)

    def skip(self, count: object) -> None:
        self.at += int(str(count))

    def restart(self, how: object) -> None:
        if how == "lost":
            self.home.log.saved = None
        elif how == "ahead" and self.at < len(self.bars):  # a crash between journal and log
            self.home.journal.append((self.bars[self.at : self.at + 40],))
            self.at += 40
        self.home.open()

    def spoil(self, name: object) -> None:
        bars = self.bars[self.at : self.at + 3].copy()
        if len(bars):
            bars[str(name)][-1] = np.nan
            with pytest.raises(BadBars, match="must be finite"):
                self.home.trader.step((bars,))

    def tighten(self, what: object) -> None:
        assert isinstance(what, tuple)
        name, value = what
        self.commands += 1
        self.home.tighten(name, value, f"c{self.commands}")


def told(acts: Sequence[tuple[str, object]], seed: int) -> Home:
    story = Story(seed)
    for act, what in acts:
        story.take(act, what)
    story.feed(600)
    return story.home


@settings(max_examples=EXAMPLES)
@given(st.lists(ACTS, max_size=14), st.integers(0, len(SERIES) - 1))
def test_home_when_anything_happens_in_any_order_then_no_limit_gives_way_and_no_exit_is_blocked(
    acts: list[tuple[str, object]], seed: int
) -> None:
    home = told(acts, seed)
    report = audited(home)
    assert report.first is None, str(report.first)
    assert report.accounts == 4
    for stream in home.log.streams("portfolio/"):
        no_order_past_a_breaker(home, stream)
        no_exit_is_late(home, stream)
    margins_are_within(home)
    flattened_is_flat(home)
    assert "RISK_DISAGREEMENT" not in {
        e.code for e in home.of(BreakerTripped) if isinstance(e, BreakerTripped)
    }
    assert reproduce(home.log, home.journal).first_difference is None


def no_order_past_a_breaker(home: Home, stream: str) -> None:
    standing: set[str] = set()
    for event in home.log.stream(stream):
        match event:
            case BreakerTripped(code=code):
                assert code not in standing
                standing.add(code)
            case BreakerCleared(code=code):
                standing.remove(code)
            case OrderPlaced(intent="entry"):
                assert not standing


def no_exit_is_late(home: Home, stream: str) -> None:
    """A closed trade was held as long as it may be, and what is out fills at the next bar."""
    hold = {"wild": HOLD, "calm": 30}[stream.split("/")[2]]
    opens = home.journal.bars["timestamp"]
    waiting: dict[str, int] = {}
    for event in home.log.stream(stream):
        match event:
            case PositionClosed(bars=bars):
                assert bars <= hold
            case OrderPlaced(intent=intent, order_id=order, occurred_at=at) if intent != "entry":
                waiting[order] = at
            case OrderCancelled(order_id=order, reason="position_closed"):  # a level was nearer
                waiting.pop(order)
            case OrderFilled(order_id=order, occurred_at=at) if order in waiting:
                since = waiting.pop(order)
                due = opens[np.searchsorted(opens, since)] if since <= opens[-1] else since
                assert at <= max(int(due), since)
    assert all(at > int(opens[-1]) for at in waiting.values())


def margins_are_within(home: Home) -> None:
    """Every entry, against the limits in force at its decision, by the plain words of each."""
    limits = effective()
    events = iter(home.events)
    for event in events:
        match event:
            case LimitTightened(name=name, new=new):
                bound = BOUNDS[name]
                before = figure(limits, name)
                assert new > before if bound.upwards else new < before
                limits = type(limits)(
                    **{
                        field: (type(getattr(limits, field))(new) if field == name else value)
                        for field, value in (
                            (f, getattr(limits, f)) for f in limits.__struct_fields__
                        )
                    }
                )
            case OrderPlaced(intent="entry"):
                leverage = 8 if event.stream.endswith("/B") else 1
                notional = event.quantity * event.reference_price
                assert notional / leverage <= limits.margin_absolute
                assert notional / leverage <= limits.margin_fraction * Decimal(20_000)
                assert notional <= limits.notional_multiple * Decimal(20_000)
                assert limits.positions >= 1


def flattened_is_flat(home: Home) -> None:
    """From the first bar after a flatten to the next resume, nothing is held and nothing fills."""
    opens = home.journal.bars["timestamp"]
    for event in home.of(Flattened):
        assert event.effective_at is not None
        after = opens[opens >= event.effective_at]
        if not len(after):
            continue
        name = event.stream.split("/")[1]
        for stream in home.log.streams(f"portfolio/paper/{name}/"):
            lots = Decimal(0)
            for fill in home.log.stream(stream):
                if isinstance(fill, OrderFilled) and fill.occurred_at <= int(after[0]):
                    lots += fill.quantity if fill.side == "buy" else -fill.quantity
            assert lots == 0


def test_story_when_it_goes_on_long_enough_then_breakers_trip_and_limits_refuse() -> None:
    acts = [("feed", 900), ("tighten", ("rapid_loss", "60")), ("feed", 900), ("restart", "lost")]
    home = told([*acts, ("skip", 700), ("feed", 900)], 1)
    report = audited(home)
    assert min(report.trips, report.clears, report.refusals) > 5
    assert len(entries(home)) > 50
