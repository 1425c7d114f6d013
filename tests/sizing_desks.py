"""Accounts that are asked for one size: any method, with any record of closed trades put in.

A signal is a bar whose volume is 2 (long) or 3 (short); the figure of a method is a series that
holds a parameter, so it may be anything.
"""

from functools import cache

import numpy as np

from kernels import dtypes as d
from kernels.program import Program, compile_strategy
from kernels.runner import Runner
from kernels.sizing_methods import METHODS
from kernels.stages import DESK, KEPT
from tests.kernel_runs import CAPITAL, Array, bars_of, of_kind, runner_of

LOT = 1e-5  # base
TEXT = """timeframe("1m")
v = param(0.05, 0.0001, MOST)
f = param(1.0, -5.0, 1e6)
stop = param(10.0, 0.01, 10000.0)
SIZING
def entry():
    if volume == 2:
        return long()
    if volume == 3:
        return short()
    return FLAT
def exits():
    return plan(stop=stop if volume > 1 else stop / 0)
"""


def text_of(method: str, figure: str = "f + 0 * close") -> str:
    """A strategy that sizes by a method; its value, figure and stop are parameters."""
    said = f'"{method}", v * 1' + (f", {figure}" if METHODS[method].figure else "")
    most = f"{METHODS[method].most:g}"
    return TEXT.replace("SIZING", f"sizing({said})").replace("MOST", most)


@cache
def program(method: str) -> Program:
    """The program of `text_of`."""
    return compile_strategy(text_of(method), "sized")


class SizingDesk:
    """One account that can be asked again and again, each time from its first bar."""

    def __init__(
        self,
        method: str | Program,
        leverage: int = 1,
        costs: Array | None = None,
        bounds: Array | None = None,
        **parameters: float,
    ) -> None:
        asked = program(method) if isinstance(method, str) else method
        self.runner: Runner = runner_of(asked, (leverage,), costs, bounds, **parameters)
        self.first = np.frombuffer(self.runner.state()).copy()

    def ask(self, price: float = 100.0, equity: float = CAPITAL / 1e8, **record: float) -> float:
        """Lots of an entry at `price`, 0 for none, or minus the code of the limit that refused it.

        `equity` is quote; `record` are fields of the account, money in quote where they are money.
        """
        state = self.first.copy()
        account = state[len(state) - KEPT :]
        for name in d.CAPITAL:
            account[DESK["account", name]] = equity * 1e8
        for name, value in record.items():
            counts = name in ("trades", "wins", "losses", "wins_in_row")
            account[DESK["account", name]] = value if counts else value * 1e8
        self.runner.restore(state.tobytes())
        block = self.runner.run(bars_of([(*(price,) * 4, 2.0)]), [0])
        refused = of_kind(block, d.REFUSED)
        if len(refused):
            return -float(refused[0][d.A])
        orders = of_kind(block, d.ORDER)
        return float(orders[0][d.C]) if len(orders) else 0.0


def nets_of_a_lot(*nets: float) -> dict[str, float]:
    """The ring of the last trades' nets of a lot, given as nets of one base."""
    return {name: net * LOT for name, net in zip(d.RING_NAMES, nets, strict=False)}
