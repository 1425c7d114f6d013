"""Seals and gaps follow from the bars alone, however they are cut."""

from hashlib import sha256

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from application.ports import Bars
from application.trading.seal import PHASES, Sealed, Sealer
from domain.event import Event
from domain.market import BarsSealed, FeedGap
from infrastructure.bar_records import seal as records
from tests.trading_fakes import DAY, MINUTE, START, MemoryJournal, flat_bars


def seal(bars: Bars, cuts: list[int]) -> list[tuple[int, int, Event]]:
    """Due events with the open of the bar and the phase they belong to."""
    journal = MemoryJournal()
    sealer = Sealer("binance", "BTC-USDT", "1m", MINUTE, journal.records)
    found: list[tuple[int, int, Event]] = []
    for part in np.split(bars, sorted(cuts)):
        if len(part) == 0:
            continue
        journal.append((part,))
        for item in sealer.scan(part, part["timestamp"]):
            index, phase = divmod(item.key, PHASES)
            found.append((int(part["timestamp"][index]), phase, item.event))
        saved = Sealed(*(getattr(sealer.state, name) for name in Sealed.__struct_fields__))
        sealer = Sealer("binance", "BTC-USDT", "1m", MINUTE, journal.records, saved)
    return found


def test_seal_when_a_day_is_complete_then_is_sealed_at_the_end_of_its_last_step() -> None:
    bars = flat_bars(1440)
    ((bar, phase, event),) = seal(bars, [])
    assert (bar, phase) == (START + DAY - MINUTE, 3)
    assert isinstance(event, BarsSealed)
    assert (event.start, event.end, event.rows, event.absent) == (START, START + DAY, 1440, 0)
    assert event.sha256 == sha256(records(bars)).hexdigest()
    assert (event.kind, event.occurred_at) == ("input", START + DAY)
    assert event.correlation_id == f"step/{START + DAY - MINUTE}"


def test_seal_when_the_last_bars_never_came_then_is_sealed_before_the_next_step() -> None:
    bars = np.concatenate([flat_bars(1430, START + 5 * MINUTE), flat_bars(3, START + 3 * DAY)])
    (_, phase, sealed), (at, gap_phase, gap) = seal(bars, [])
    assert (phase, gap_phase, at) == (0, 0, START + 3 * DAY)
    assert isinstance(sealed, BarsSealed)
    assert (sealed.start, sealed.rows, sealed.absent) == (START + 5 * MINUTE, 1430, 5)
    assert isinstance(gap, FeedGap)
    assert gap.missing == 2 * 1440 + 5


def test_gap_when_a_single_bar_is_missing_then_is_not_recorded() -> None:
    bars = flat_bars(10)
    assert seal(np.delete(bars, [4]), []) == []
    ((at, _, gap),) = seal(np.delete(bars, [4, 5]), [])
    assert isinstance(gap, FeedGap)
    assert (at, gap.after, gap.before, gap.missing) == (
        START + 6 * MINUTE,
        START + 3 * MINUTE,
        START + 6 * MINUTE,
        2,
    )


@given(st.sets(st.integers(0, 4319), max_size=40), st.lists(st.integers(0, 4300), max_size=8))
def test_seals_when_bars_are_cut_anywhere_then_are_the_same(
    missing: set[int], cuts: list[int]
) -> None:
    bars = np.delete(flat_bars(4320), sorted(missing))
    assert seal(bars, cuts) == seal(bars, [])
