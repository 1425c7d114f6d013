"""Equity from fills alone is what the kernel marks, to the last 1e-8."""

import numpy as np

from application.account_book import AccountBook
from application.kernel_rows import market_row
from kernels import dtypes as d
from kernels.joint_runner import JointRunner
from kernels.runner import LaneSpec
from tests.kernel_runs import CAPITAL, MINUTE, limits
from tests.unit.test_report_ledger import PROGRAM, bars_of, instrument_of

UNIT = 10  # money of one lot moving one tick


def test_book_when_trades_are_partial_and_funded_then_its_equity_is_the_kernels() -> None:
    market = market_row(instrument_of("0.0002", "0.0005", "0.001"))
    lane = LaneSpec(8, CAPITAL, limits())
    several = PROGRAM.on_several
    runner = JointRunner(several, {}, [market, market], MINUTE, [lane])
    bars = (bars_of(1), bars_of(2))
    book = AccountBook(int(CAPITAL), (UNIT, UNIT))
    seen, marks = set(), 0
    for minute in range(len(bars[0])):
        part = tuple(each[minute : minute + 1] for each in bars)
        records = runner.run(part, [0]).records[0]
        book.take(records)
        seen |= set(records[:, d.KIND].astype(int).tolist())
        closes = {n: int(np.floor(each["close"][0] / 0.01 + 0.5)) for n, each in enumerate(part)}
        assert book.equity(closes) == runner.account(0)["equity"]
        marks += 1
        for symbol in range(2):
            assert book.lots.get(symbol, 0) == runner.held(0, symbol)["position"]
    assert {d.FILL, d.FUNDED, d.CLOSED, d.OPENED} <= seen
    assert marks == len(bars[0])


def test_book_when_an_entry_waits_then_knows_it_until_it_fills_or_is_withdrawn() -> None:
    def row(kind: int, *figures: float) -> list[float]:
        return [kind, 0, 0, *figures, *[0.0] * (13 - len(figures)), 1]

    book = AccountBook(0, (1, 1))
    book.take(np.array([row(d.ORDER, -1, d.ENTRY, 5)]))
    assert book.waiting == {1: -5}
    book.take(np.array([row(d.CANCELLED, d.ALREADY_CLOSED, d.REVERSE)]))
    assert book.waiting == {1: -5}
    book.take(np.array([row(d.CANCELLED, d.WITHDRAWN, d.ENTRY)]))
    assert book.waiting == {}
    book.take(np.array([row(d.ORDER, -1, d.ENTRY, 5), row(d.FILL, -1, d.ENTRY, 5, 100, 100, 3)]))
    assert (book.waiting, book.lots, book.money) == ({}, {1: -5}, 497)
    assert book.equity({1: 90}) == 47
