"""The stationary bootstrap: days drawn anew in blocks, so that what follows on what is kept.

A resample of n days is blocks that start anywhere, each start equally likely, and are as long as a
coin decides: after every day the block ends with probability 1 / `block_length`. Days go round: the
first follows the last. Source: D. N. Politis and J. P. Romano, The Stationary Bootstrap, JASA 89
(1994), 1303–1313.

Everything is whole numbers. Start j of resample r is the upper 32 bits of draw r · n + j, times n,
over 2^32 (no start is more than n / 2^32 likelier than another); a length is above k where 63 bits
of such a draw are below ⌊2^63 · (1 − 1 / block)^k⌋. So no logarithm decides, which machines round
differently, and a resample is the same whatever else was drawn. Sums of blocks are differences of
running sums, which costs n / block a resample, not n.
"""

import math
from typing import Any

import numpy as np

from kernels.metrics.draws import bits, stream

Array = np.ndarray[Any, Any]

UNIT = 63  # bits of a draw that decides a length


def block_length(days: int) -> int:
    """Mean length of a block: the cube root of the days, to the nearest whole, at least 1.

    The length that makes the variance of a mean best known grows as n^(1/3); its factor depends on
    how days hang together, which so few days cannot tell, and is taken as 1. Sources: P. Hall,
    J. L. Horowitz and B.-Y. Jing, Biometrika 82 (1995), 561–574; D. N. Politis and H. White,
    Econometric Reviews 23 (2004), 53–70.
    """
    length = 1
    while (2 * length + 1) ** 3 < 8 * days:
        length += 1
    return length


def resampled(days: int, seed: str, resamples: int) -> tuple[Array, Array]:
    """Draw the blocks of resamples: first day and day past the last, int64 [resamples, blocks].

    Days are those of two rounds, 0 … 2n − 1. Rows sum to n days; blocks of no day fill them up.
    Raises ValueError for fewer than one day or one resample.
    """
    if days < 1 or resamples < 1:
        raise ValueError(f"days and resamples were {days} and {resamples}, must be at least 1")
    chances = chances_of(block_length(days))
    wanted = days // block_length(days)
    blocks = min(days, wanted + 5 * math.isqrt(wanted) + 5)
    while True:  # ends: at n blocks of a day or more a row is full
        places = np.arange(resamples)[:, None] * days + np.arange(blocks)
        drawn = (bits(stream(seed, "lengths"), places) >> np.uint64(64 - UNIT)).astype(np.int64)
        lengths = 1 + len(chances) - np.searchsorted(chances, drawn, side="right")
        ends = np.cumsum(lengths, axis=1)
        if ends[:, -1].min() >= days:
            break
        blocks = min(days, 2 * blocks)
    before = np.minimum(ends - lengths, days)
    upper = bits(stream(seed, "starts"), places) >> np.uint64(32)
    first = ((upper * np.uint64(days)) >> np.uint64(32)).astype(np.int64)
    return first, first + np.minimum(ends, days) - before


def chances_of(length: int) -> Array:
    """Chance (of 2^63) that a block is above k = 1, 2, … days: int64, ascending, without zeros."""
    chances: list[int] = []
    stays, whole = length - 1, length
    while chance := (stays << UNIT) // whole:
        chances.append(chance)
        stays, whole = stays * (length - 1), whole * length
    return np.array(chances[::-1], np.int64)


def totals(values: Array, blocks: tuple[Array, Array]) -> Array:
    """Sum int64 [n] days over every resample of `resampled`: int64 [resamples].

    Exact for |values| < 2^45 and n ≤ 2^14: a running sum of two rounds stays below 2^60, and the
    sum of a resample, which has n days, below 2^59.
    """
    running = np.concatenate([[0], np.cumsum(np.tile(values, 2))])
    first, past = blocks
    found: Array = (running[past] - running[first]).sum(axis=1)
    return found
