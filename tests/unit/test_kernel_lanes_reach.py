"""How groups reach shared rows: whatever the accounts' instances, every lane finds its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.backends.lanes_reach import Pieces
from kernels.printers.lanes import MASKS
from kernels.printers.lanes_values import LANES

ROWS, BARS = 2, 5


def read(pieces: Pieces, stride: int, memory: np.ndarray) -> np.ndarray:
    """What a step reads at the first bar: [groups, 8]; `memory` begins a vector before the rows."""
    table = pieces.table(stride)
    found = np.full((len(table), LANES), -1)
    for group, line in enumerate(table):
        for lane in range(LANES):
            if pieces.reach.kind == "each":
                found[group, lane] = memory[LANES + line[lane]]
                continue
            has = [line[MASKS + p] >> lane & 1 for p in range(1, pieces.reach.pieces)]
            piece = 1 + has.index(1) if any(has) else 0
            along = lane if pieces.reach.kind == "run" else 0
            found[group, lane] = memory[LANES + line[piece] + along]
    return found


def rows_of(instances: int) -> tuple[int, np.ndarray]:
    """Doubles of a group, and rows [groups, bars, rows, 8] in which each instance finds itself."""
    groups = -(-instances // LANES)
    rows = np.full((groups, BARS, ROWS, LANES), -2)
    rows[:, 0, 0, :] = np.arange(groups * LANES).reshape(groups, LANES)
    slack = np.full(LANES, -3)
    return BARS * ROWS * LANES, np.concatenate([slack, rows.ravel(), slack])


def assert_each_finds_its_own(index: np.ndarray) -> Pieces:
    pieces = Pieces(index)
    stride, memory = rows_of(int(index.max()) + 1)
    found = read(pieces, stride, memory).ravel()
    assert (found[: len(index)] == index).all()
    return pieces


@pytest.mark.parametrize(
    ("index", "kind", "most"),
    [
        (np.zeros(20, np.int64), "row", 1),
        (np.repeat(np.arange(4), 25), "row", 2),
        (np.tile(np.arange(25), 4), "run", 3),
        (np.arange(40), "run", 1),
        (np.arange(40)[::-1], "each", LANES),
    ],
    ids=["one", "long stretches", "grid", "own", "backwards"],
)
def test_pieces_when_neighbours_share_or_follow_then_few_reads_hold_them_all(
    index: np.ndarray,
    kind: str,
    most: int,
) -> None:
    reach = assert_each_finds_its_own(index).reach
    assert (reach.kind, reach.pieces) == (kind, most)


@given(
    st.one_of(
        st.lists(st.integers(0, 30), min_size=1, max_size=50),
        st.builds(
            lambda first, slow, length: [(first + n) % slow for n in range(length)],
            st.integers(0, 40),
            st.integers(1, 40),
            st.integers(1, 60),
        ),
        st.builds(
            lambda each, length: [n // each for n in range(length)],
            st.integers(1, 30),
            st.integers(1, 60),
        ),
    )
)
def test_pieces_when_instances_are_any_then_each_lane_finds_its_own(index: list[int]) -> None:
    assert_each_finds_its_own(np.array(index))
