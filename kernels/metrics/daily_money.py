"""Sharpe ratio and moments of daily money, to the last bit the same on every machine.

A verdict on a strategy version is written down and computed anew by every replay, so no figure in
it may depend on the order in which a machine adds. Days are whole numbers of 1e-8 quote, their
power sums Python ints, and a figure is a quotient of these, or the root of one. It is rounded once:
int / int and `root` both give the double nearest to the true value. Capital is the same on every
day and nothing compounds, so it cancels out of every ratio here.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels.metrics.curve import YEAR

Array = np.ndarray[Any, Any]

MOST_MONEY = 2**43  # 1e-8 quote, what a day's P&L is below, either way: some 87,960 quote
MOST_DAYS = 2**14  # 44 years
LIMB = 22  # bits


def sharpe_of(pnl: Sequence[int] | Array) -> float | None:
    """Mean / sample standard deviation (n − 1) of daily P&L, not annualised.

    None for fewer than two days, or where all are alike. Raises ValueError for days that are not
    whole numbers below 2^43 either way, or more than 2^14 of them, as all of this module do.
    """
    days, total, squares, _, _ = power_sums(pnl)
    if days < 2 or not days * squares - total * total:
        return None
    return ratio_of(days, total, squares)


def ratio_of(days: int, total: int, squares: int) -> float:
    """Spell `sharpe_of` for days of which only their sum and sum of squares are known.

    Σ · √((n − 1) / (n · (n·Σx² − Σ²))). Where all days are alike it is 0 or infinite, as Σ is.
    """
    spread = days * squares - total * total  # n² times the variance of the sample
    if spread == 0:
        return math.copysign(math.inf, total) if total else 0.0
    size = root(total * total * (days - 1), days * spread)
    return size if total >= 0 else -size


def annual(sharpe: float) -> float:
    """Annualise a daily ratio: times √365."""
    return sharpe * math.sqrt(YEAR)


def moments_of(pnl: Sequence[int] | Array) -> tuple[float | None, float | None]:
    """Skewness m3 / m2^1.5 and kurtosis m4 / m2², of the sample as it is.

    None for fewer than two days, or where all are alike.
    """
    n, s1, s2, s3, s4 = power_sums(pnl)
    second = n * s2 - s1**2  # n² · m2
    if second == 0:
        return None, None
    third = n**2 * s3 - 3 * n * s1 * s2 + 2 * s1**3  # n³ · m3
    fourth = n**3 * s4 - 4 * n**2 * s1 * s3 + 6 * n * s1**2 * s2 - 3 * s1**4  # n⁴ · m4
    skewness = root(third**2, second**3)
    return (skewness if third >= 0 else -skewness), fourth / second**2


def power_sums(pnl: Sequence[int] | Array) -> tuple[int, int, int, int, int]:
    """Count days and sum them, their squares, cubes and fourth powers, exactly."""
    days: list[int] = whole(pnl).tolist()
    squares = [day * day for day in days]
    cubes = sum(day * square for day, square in zip(days, squares, strict=True))
    return len(days), sum(days), sum(squares), cubes, sum(square * square for square in squares)


def root(numerator: int, denominator: int) -> float:
    """The double nearest to √(numerator / denominator); numerator ≥ 0, denominator > 0.

    The whole root of the quotient, scaled by a power of four, has more than 64 bits; one bit more,
    set where anything was left over, makes the final division round as the true root would.
    """
    missing = 132 - numerator.bit_length() + denominator.bit_length()
    half = max(0, -(-missing // 2))
    quotient, rest = divmod(numerator << 2 * half, denominator)
    found = math.isqrt(quotient)
    left = rest != 0 or found * found != quotient
    return (2 * found + left) / (1 << half + 1)


def whole(pnl: Sequence[int] | Sequence[Sequence[int]] | Array, dimensions: int = 1) -> Array:
    """Take days, the last dimension, as int64; raises ValueError as `sharpe_of` tells."""
    values = np.asarray(pnl)
    if values.size == 0:
        values = values.astype(np.int64)
    if values.dtype.kind not in "iu":
        raise ValueError(f"daily P&L was {values.dtype}, must be whole numbers (int64)")
    if values.ndim != dimensions:
        raise ValueError(f"daily P&L had {values.ndim} dimensions, must have {dimensions}")
    if values.shape[-1] > MOST_DAYS:
        raise ValueError(f"daily P&L had {values.shape[-1]} days, must have at most {MOST_DAYS}")
    if np.any(values >= MOST_MONEY) or np.any(values <= -MOST_MONEY):
        far = max(int(values.max()), -int(values.min()))
        raise ValueError(f"daily P&L was up to {far} (1e-8 quote), must be below 2^43 either way")
    return values.astype(np.int64)


def squares_of(values: Array) -> tuple[Array, Array, Array]:
    """Square int64 days as three parts that can be summed in int64; `joined` puts sums together.

    With |x| = a · 2^22 + b, x² = a² · 2^44 + 2ab · 2^22 + b². As |x| < 2^43, a² < 2^42, 2ab < 2^44
    and b² < 2^44, so sums over 2^14 days stay below 2^58.
    """
    size = np.abs(values)
    high, low = size >> LIMB, size & (2**LIMB - 1)
    return high * high, 2 * high * low, low * low


def joined(high: Array, middle: Array, low: Array) -> Array:
    """Sums of squares from the sums of their three parts: exact Python ints (dtype object)."""
    top, centre, bottom = (part.astype(object) for part in (high, middle, low))
    found: Array = (top << 2 * LIMB) + (centre << LIMB) + bottom
    return found
