"""Made bars that go where recorded ones seldom do: cheap coins, leaps, stretches without a trade.

They are a pure function of a seed. Beside holes of its own, a symbol may begin late or end early,
and settlements of funding come every eight hours, now and then at any minute.
"""

import numpy as np

from tests.kernel_runs import MINUTE, Array, walk

BARS = 5_000
FIGURES = ("open", "high", "low", "close")
PRICES = (30_000.0, 30_000.0, 300.0, 20.0, 3.0, 0.3)  # quote; what `walk` has is the first
LEAPS = (0.8, 0.9, 0.95, 1.1, 1.25)  # far enough for a venue to take what is held at 8×
FARTHEST = 5.0  # times the first price, or that part of it


def made_bars(seed: int, symbols: int = 1, count: int = BARS) -> dict[str, Array]:
    """Minutes of some symbols, each with holes of its own; the last of several begins late."""
    found = {f"S{n}-USDT": minutes(seed + 7919 * n, count) for n in range(symbols)}
    if symbols > 1:
        last = f"S{symbols - 1}-USDT"
        found[last] = found[last][count // 5 :]
    return found


def minutes(seed: int, count: int) -> Array:
    """A walk with settlements, holes, and a gap of three days; it may leap or stand still."""
    bars = walk(count, seed)
    rng = np.random.default_rng((seed, 2))
    bars["funding"][::480] = rng.normal(1e-4, 2e-4, len(bars[::480]))
    bars["timestamp"][count // 3 :] += 3 * 1440 * MINUTE + 7 * MINUTE
    rescale(bars, np.full(count, float(rng.choice(PRICES)) / PRICES[0]))
    if rng.random() < 0.4:
        rescale(bars, leaps(count, rng))
    if rng.random() < 0.4:
        stand_still(bars, rng.random(count) < 0.05)
    if rng.random() < 0.3:
        bars["funding"][rng.random(count) < 0.01] = rng.choice([1e-4, -1e-3, 5e-3])
    if rng.random() < 0.2:
        bars = bars[: count - count // 4]
    kept: Array = bars[(rng.random(len(bars)) < 0.97) | (bars["funding"] != 0.0)]
    return kept


def rescale(bars: Array, factors: Array) -> None:
    """Multiply each bar's prices."""
    for name in FIGURES:
        bars[name] *= factors


def leaps(count: int, rng: np.random.Generator) -> Array:
    """What the prices of each bar are multiplied by where four of a thousand opens leap."""
    leapt = np.where(rng.random(count) < 0.004, rng.choice(LEAPS, count), 1.0)
    return np.clip(np.cumprod(leapt), 1 / FARTHEST, FARTHEST)


def stand_still(bars: Array, where: Array) -> None:
    """Leave some bars without a trade: all their prices the open, no volume."""
    for name in FIGURES[1:]:
        bars[name][where] = bars["open"][where]
    bars["volume"][where] = 0.0
