"""One version's account on several symbols: how it is laid out, and what a step of it is.

An account's doubles are its own, then those of each symbol, one after another. Series are computed
for every symbol by itself, with the code of a single one; only the step takes them together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import dtypes
from kernels.frontend.flat import WARM, Flat, Phase
from kernels.stages import Unit, columns, unit_of, warmth

Array = np.ndarray[Any, Any]

MOST_SYMBOLS = 16


def laid_out(*parts: tuple[str, np.dtype[Any]]) -> dict[tuple[str, str], int]:
    keys = [(record, name) for record, layout in parts for name in layout.names or ()]
    return {key: slot for slot, key in enumerate(keys)}


# Slots of what the account has once, and of what it has for every symbol.
SHARED = laid_out(
    ("account", dtypes.ACCOUNT), ("limits", dtypes.LIMITS), ("control", dtypes.CONTROL)
)
OWN = laid_out(("held", dtypes.HELD), ("intents", dtypes.PENDING), ("market", dtypes.MARKET))
FIRST, STRIDE = len(SHARED), len(OWN)  # slot of the first symbol's first double; doubles of each
HELD_TO = slice(SHARED["limits", "enforced"], SHARED["limits", "positions"] + 1)
CONTROLS = slice(SHARED["control", "entries_off"], SHARED["control", "flatten"] + 1)


@dataclass(frozen=True)
class JointStep:
    """What happens to an account at one moment, and the series it looks at."""

    phases: tuple[Phase, ...]
    unit: Unit
    columns: tuple[str, ...]  # of the constants
    candles: tuple[str, ...]  # columns of a strategy bar


def joint(flat: Flat) -> JointStep:
    """The step of a strategy that was read for several symbols."""
    if not flat.phases:
        raise ValueError(f"{flat.name} was read for one symbol, must be read for several")
    rows = {**flat.rows, WARM: warmth(flat.rows.values())}
    return JointStep(tuple(flat.phases), unit_of(flat, rows), columns(flat), flat.candles)


def size(symbols: int) -> int:
    """Doubles of an account on so many symbols."""
    return FIRST + symbols * STRIDE


def slot(record: str, name: str, symbol: int = 0) -> int:
    """Where a field lies, of a symbol where it is one's."""
    found = SHARED.get((record, name))
    return FIRST + symbol * STRIDE + OWN[record, name] if found is None else found


def digested(symbols: int) -> list[int]:
    """The slots that a digest covers: all of an account's but what only records tell."""
    shared = [n for (record, _), n in SHARED.items() if record == "account"]
    own = [n for key, n in OWN.items() if key[0] != "market" and key not in dtypes.TOLD]
    return shared + [FIRST + s * STRIDE + n for s in range(symbols) for n in own]


@dataclass(frozen=True)
class JointTape:
    """Base bars of several symbols, moment by moment, as a step reads them."""

    clock: Array  # float64 [T, len(TAPE)]: the calendar of the moments; prices mean nothing
    bars: Array  # float64 [T, S, len(TAPE)]
    here: Array  # float64 [T, S]: 1 where the symbol has a bar


def aligned(
    times: Sequence[Array], tapes: Sequence[Array], clock: Array, union: Array
) -> JointTape:
    """Put each symbol's tape at the moments of `union`."""
    bars = np.zeros((len(union), len(tapes), len(dtypes.TAPE.names or ())))
    here = np.zeros((len(union), len(tapes)))
    for s, (time, tape) in enumerate(zip(times, tapes, strict=True)):
        at = np.searchsorted(union, time)
        bars[at, s] = tape
        here[at, s] = 1.0
    return JointTape(clock, bars, here)
