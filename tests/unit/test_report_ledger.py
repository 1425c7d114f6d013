"""Costs told: every trade of the ledger is what its fills and fundings say, to the last digit."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.kernel_rows import market_row
from application.report_ledger import Ledger
from domain.instrument import Instrument
from domain.money import UNIT, from_units
from kernels import dtypes as d
from kernels.metrics.trades import Trade
from kernels.program import compile_strategy
from kernels.runner import LaneSpec, Runner
from tests.kernel_runs import CAPITAL, MINUTE, START, Array, limits, walk

D = Decimal
PROGRAM = compile_strategy(
    '''"""Trades often, both ways, in parts, with a stop that follows."""
from kernels.language import *

timeframe("5m")
calm = sma(close, 8)

def entry():
    if crossed_above(close, calm):
        return long(tag="up")
    if crossed_below(close, calm):
        return short()
    return FLAT

def exits():
    far = atr(14)
    return plan(
        stop=2 * far,
        targets=((0.8 * far, 0.5), (1.5 * far, 0.25), 3 * far),
        trail=2.5 * far,
        max_bars=9,
    )
''',
    "busy",
)
BARS = 1500


def instrument_of(maker: str, taker: str, slippage: str) -> Instrument:
    return Instrument(
        symbol="BTC-USDT-PERP",
        market="perpetual",
        tick=D("0.01"),
        lot=D("0.00001"),
        min_notional=D(5),
        maker=D(maker),
        taker=D(taker),
        slippage=D(slippage),
        maintenance=D("0.005"),
    )


def bars_of(seed: int) -> Array:
    bars = walk(BARS, seed)
    hours = bars["funding"][60::60]
    hours[:] = np.random.default_rng(seed).normal(0, 2e-4, len(hours)).round(6)
    return bars


def played(
    bars: Array,
    instrument: Instrument,
    leverage: int,
    cuts: Sequence[int] = (),
    bounds: Array | None = None,
) -> tuple[Ledger, list[Array], Runner]:
    """A run's ledger, its records with the bars counted from the first, and its runner."""
    lane = LaneSpec(leverage, CAPITAL, limits() if bounds is None else bounds)
    runner = Runner(PROGRAM, {}, market_row(instrument), MINUTE, [lane])
    ledger, records, begun = Ledger([instrument], MINUTE, PROGRAM.tags), [], 0
    for block in np.split(bars, sorted(cuts)):
        if len(block):
            found = runner.run(block, [0]).records[0]
            ledger.add(found, block["timestamp"])
            found = found.copy()
            found[:, d.BAR_INDEX] += begun
            records.extend(found)
            begun += len(block)
    return ledger, records, runner


def audited(
    records: Sequence[Array], instrument: Instrument
) -> tuple[list[dict[str, Decimal]], Decimal]:
    """Every trade added up anew from FILL and FUNDED records, in exact decimals.

    And what a position that is still open has cost in fees and funding so far.
    """
    trades: list[dict[str, Decimal]] = []
    entered = fees = slippage = funding = gross = turned = D(0)
    side = 0
    for record in records:
        kind = record[d.KIND]
        if kind == d.FUNDED:
            funding += int(record[d.B]) * UNIT
        elif kind == d.FILL:
            quantity = int(record[d.C]) * instrument.lot
            paid, reference = (int(record[n]) * instrument.tick for n in (d.D, d.E))
            if record[d.B] == d.ENTRY:
                entered, side = reference, int(record[d.A])
                fees = slippage = funding = gross = turned = D(0)
            else:
                gross += (reference - entered) * side * quantity
            fees += int(record[d.F]) * UNIT
            slippage += abs(paid - reference) * quantity
            turned += paid * quantity
        elif kind == d.CLOSED:
            trades.append(
                {
                    "gross": gross,
                    "fees": fees,
                    "slippage": slippage,
                    "funding": funding,
                    "net": gross - fees - slippage - funding,
                    "turnover": turned,
                }
            )
            fees = funding = D(0)
    return trades, fees + funding


@given(
    seed=st.integers(0, 10_000),
    leverage=st.sampled_from([1, 8]),
    costs=st.sampled_from(
        [("0", "0", "0"), ("0.0002", "0.0005", "0.001"), ("0.001", "0.002", "0.0003")]
    ),
)
def test_trades_when_added_up_from_fills_then_every_part_is_exact(
    seed: int, leverage: int, costs: tuple[str, str, str]
) -> None:
    instrument = instrument_of(*costs)
    ledger, records, runner = played(bars_of(seed), instrument, leverage)
    trades = ledger.trades()
    expected, still = audited(records, instrument)
    assert len(trades) == len(expected) >= 20
    for trade, parts in zip(trades, expected, strict=True):
        assert {name: getattr(trade, name) for name in parts} == parts
        assert trade.mae <= 0 <= trade.mfe
        assert trade.mae <= trade.gross <= trade.mfe
    gained = sum((trade.net for trade in trades), D(0))
    assert from_units(runner.account(0)["cash"]) == from_units(CAPITAL) + gained - still


def test_trades_when_counted_by_kind_then_the_drawn_bars_hold_all_that_is_claimed() -> None:
    ledger, _, _ = played(bars_of(1), instrument_of("0.0002", "0.0005", "0.001"), 8)
    trades = ledger.trades()
    assert {trade.side for trade in trades} == {1, -1}
    assert {"up", ""} == {trade.tag for trade in trades}
    assert len({trade.reason for trade in trades}) >= 4
    assert any(trade.funding for trade in trades)
    assert {trade.symbol for trade in trades} == {"BTC-USDT-PERP"}


@given(st.lists(st.integers(0, BARS), max_size=8))
def test_ledger_when_bars_come_in_any_blocks_then_is_the_same(cuts: list[int]) -> None:
    bars, instrument = bars_of(3), instrument_of("0", "0.0005", "0.0003")
    whole, _, _ = played(bars, instrument, 1)
    cut, _, _ = played(bars, instrument, 1, cuts)
    assert cut.trades() == whole.trades()
    assert cut.left_in().tolist() == whole.left_in().tolist()
    for one, other in zip(
        (cut.marks().at, cut.marks().equity), (whole.marks().at, whole.marks().equity), strict=True
    ):
        assert one.tolist() == other.tolist()


def test_trades_when_timed_then_lie_in_bars_that_traded_at_their_prices() -> None:
    bars = bars_of(4)
    ledger, _, _ = played(bars, instrument_of("0", "0", "0"), 1)
    for trade, left in zip(ledger.trades(), ledger.left_in().tolist(), strict=True):
        assert reached(bars, trade.entry_at, trade.entry_price)
        assert reached(bars, left, trade.exit_price)
        assert left <= trade.exit_at <= left + MINUTE


def reached(bars: Array, at: int, price: Decimal) -> bool:
    bar = bars[(at - START) // MINUTE]
    return bool(D(str(bar["low"])) <= price <= D(str(bar["high"])))


def test_marks_when_read_then_are_an_hour_apart_and_end_with_the_account() -> None:
    ledger, _, runner = played(bars_of(5), instrument_of("0", "0.0005", "0"), 1)
    marks = ledger.marks()
    assert set(np.diff(marks.at)) == {60 * MINUTE}
    assert marks.at[-1] == START + BARS * MINUTE
    assert marks.equity[-1] == runner.account(0)["equity"]


def test_trades_when_regimes_are_given_then_each_has_its_own() -> None:
    ledger, _, _ = played(bars_of(6), instrument_of("0", "0", "0"), 1)
    count = len(ledger.entries())
    labels = [None if n % 3 else f"regime {n}" for n in range(count)]
    told = [trade.regime for trade in ledger.trades(labels)]
    assert told == labels[: len(told)]


@pytest.mark.parametrize("count", [0, 1])
def test_ledger_when_nothing_was_traded_then_is_empty(count: int) -> None:
    ledger, _, _ = played(bars_of(7)[:count], instrument_of("0", "0", "0"), 1)
    assert ledger.trades() == ()
    assert len(ledger.left_in()) == len(ledger.entries()) == len(ledger.marks().at) == 0


def test_trade_when_compared_with_another_then_differs_by_any_figure() -> None:
    ledger, _, _ = played(bars_of(8), instrument_of("0", "0.0005", "0"), 1)
    trades: tuple[Trade, ...] = ledger.trades()
    assert len(set(trades)) == len(trades)


def test_ledger_when_limits_bind_then_trips_and_refusals_are_counted_by_code() -> None:
    bounds = limits(enforced=True, daily_loss=40e8)
    instrument = instrument_of("0.0002", "0.0005", "0.001")
    ledger, records, _ = played(bars_of(9), instrument, 8, [500], bounds)
    for counted, kind in ((ledger.trips, d.TRIPPED), (ledger.refusals, d.REFUSED)):
        codes = [d.LIMIT_CODES[int(r[d.A])] for r in records if r[d.KIND] == kind]
        assert counted == {code: codes.count(code) for code in codes}
    assert ledger.trips["RISK_DAILY_LOSS"] >= 1
    assert sum(ledger.refusals.values()) >= 1
