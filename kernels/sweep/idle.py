"""Whether a bar can change an idle account: the proof behind skipping bars.

An account is idle while it holds no position and no entry waits. A fleet may then jump to the
tape's next `wake`: the next bar at which a UTC day begins or a strategy bar closes. That changes no
bit where the bars between are no-ops, which holds for these reasons:

1.  Funding, fills and operator exits need a position or a waiting entry.
2.  The mark: `cash` changes by fills and funding alone, and the mark comes after them, so the mark
    before gave the same equity (open P&L is a difference times 0, realised P&L of an idle account
    is 0). Peak and drawdown took it in; `x + ±0` is `x`, since cash is never −0.
3.  The equities that periods begin with change where a UTC day begins: `wake` stops there.
4.  Ruin: it is judged at every mark, against max(min_notional, close · unit). Equity is the same;
    the other side is as well if no close is worth more than `min_notional`. Where one is, nothing
    is skipped.
5.  The first bar of the data begins a day, so there always is a mark before.

1 to 3 speak about the statements of `simulate` as they are. So that they cannot grow past the
proof unseen, what an idle bar would leave of them is computed, and must touch only the fields that
the proof speaks of; else nothing is skipped. With limits on that is always so: five-minute marks
are taken whether anything is held or not, and a breaker may be over at any bar.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels import fold, ir
from kernels.stages import TAPE

Array = np.ndarray[Any, Any]

IDLE: fold.Known = {
    ("held", "position"): 0.0,
    ("intents", "entry_lots"): 0.0,
    ("bar", "new_day"): 0.0,
    ("bar", "closed"): 0.0,
}
WRITTEN = frozenset(("equity", "peak", "drawdown", "ruined"))
READ = {
    "account": WRITTEN | {"cash", "reach", "leverage"},
    "held": frozenset(("entry_ticks", "realised")),
    "bar": frozenset(("close",)),
}


def may_skip(simulate: Sequence[ir.Stmt], tape: Array, market: Array) -> bool:
    """Tell whether an idle account may jump to the next `wake`; True only where it is proved.

    `simulate` is that of a fleet's step: what is known is put in, and nothing is emitted.
    """
    idle = fold.specialise(simulate, IDLE)
    return within_proof(idle) and never_dear(tape, market)


def within_proof(idle: Sequence[ir.Stmt]) -> bool:
    for target in ir.targets(idle):
        match target:
            case ir.Var():
                continue
            case ir.Field(record="account", name=name) if name in WRITTEN:
                continue
            case _:
                return False
    fields = (field for expr in ir.expressions(idle) for field in ir.leaves(expr, ir.Field))
    return all(is_foreseen(field) for field in fields)


def is_foreseen(field: ir.Field) -> bool:
    return field.name in READ.get(field.record, ())


def never_dear(tape: Array, market: Array) -> bool:
    unit, least = float(market["unit"][0]), float(market["min_notional"][0])
    return bool(np.max(tape[:, TAPE["close"]]) * unit <= least)
