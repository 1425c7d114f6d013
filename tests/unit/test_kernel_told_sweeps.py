"""Sweeps and trials read what was said of the regime as a run of each set alone does."""

from functools import cache

import numpy as np
import pytest

from kernels.program import BACKENDS
from kernels.runners import runner_on
from kernels.sweep.cut import Cut, CutInvalid
from kernels.sweep.figures import hex_digest
from kernels.sweep.run import Sweep, sweep
from kernels.sweep.sets import listed
from kernels.sweep.settings import Ways
from kernels.sweep.trials import Span, TrialSettings, trials
from kernels.told import NOTHING_TOLD, Told, told_of
from tests.kernel_runs import MINUTE, START, Array
from tests.sweep_runs import wants
from tests.told_runs import COSTS, LANES, bars_on, framed, said_of, settings_of

OTHERS = tuple(name for name in BACKENDS if name != "numba")


@cache
def swept() -> tuple[Array, Told, dict[str, Array]]:
    bars = bars_on(1)[0]
    (rows,) = said_of([bars], 30)
    return bars, told_of(rows), {"stop_atr": np.linspace(1.0, 3.0, 11)}


@pytest.mark.parametrize(
    "backend",
    [*OTHERS, pytest.param("numba", marks=pytest.mark.long)],  # which takes long to make
)
def test_sweep_when_told_then_every_set_ends_as_its_run_alone(backend: str) -> None:
    wants(backend)
    bars, told, table = swept()
    sets = listed(framed().parameters, table)
    found = sweep(framed(), bars, sets, settings_of(), Ways(backend, tile=257, batch=8), told)
    for number, value in enumerate(table["stop_atr"].tolist()):
        one = runner_on([COSTS], framed(), {"stop_atr": value}, MINUTE, LANES[:1])
        one.tell(0, told)
        one.run([bars], [0])
        assert hex_digest(found.figures[number]) == one.digest(0), value


def test_batch_when_cut_under_other_classifications_then_is_not_taken_up() -> None:
    bars, told, table = swept()
    sets = listed(framed().parameters, table)

    def planned(heard: Told) -> Sweep:
        ways = Ways("lanes", tile=1000)
        return Sweep(framed(), bars, sets, settings_of(), ways, heard)

    cut = planned(told).run(0, stop=lambda: True)
    assert isinstance(cut, Cut)
    expected = planned(told).run(0)
    found = planned(told).run(0, cut)
    assert not isinstance(found, Cut)
    assert not isinstance(expected, Cut)
    assert found.figures.tobytes() == expected.figures.tobytes()
    for other in (NOTHING_TOLD, told_of(told.rows()[1:])):  # type: ignore[arg-type]
        with pytest.raises(CutInvalid, match="another batch or plan"):
            planned(other).run(0, cut)


def test_trials_when_told_then_every_account_ends_as_its_run_alone() -> None:
    bars = bars_on(2)
    told = [told_of(rows) for rows in said_of(bars, 50)]
    values = [1.0, 1.7, 3.0]
    lane = LANES[1]
    terms = TrialSettings((COSTS, COSTS), lane.limits, lane.leverage, lane.capital, MINUTE)
    span = Span(START, START + 7 * 1440 * MINUTE)
    sets = {"stop_atr": np.array(values)}
    found = trials(framed(), bars, sets, terms, [span], told=told)
    for number, value in enumerate(values):
        one = runner_on([COSTS] * 2, framed(), {"stop_atr": value}, MINUTE, [lane], "lanes")
        for symbol, of_symbol in enumerate(told):
            one.tell(symbol, of_symbol)
        one.run(bars, [0])
        account = one.account(0)
        assert found.trades[number, 0] == account["trades"] > 20
        assert found.profit[number, 0] == account["profit"]
        assert found.pnl[number].sum() == account["equity"] - lane.capital  # whole money: exact
    untold = trials(framed(), bars, sets, terms, [span])
    assert untold.profit.tolist() != found.profit.tolist()
    with pytest.raises(ValueError, match="told was of 1 symbols, must be of 2"):
        trials(framed(), bars, sets, terms, [span], told=told[:1])
