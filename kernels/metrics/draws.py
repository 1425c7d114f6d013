"""Random numbers by their place, the same on every machine.

SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) of a stream that sha256("seed/name") keys, as in
`kernels.sweep.sets`, but whole: nothing is drawn in order, so any part of any resample is computed
when it is needed and no number depends on how many others were asked for.
"""

import hashlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def stream(seed: str, name: str) -> np.uint64:
    """Key the stream `name` of a seed, any text."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


def bits(start: np.uint64, places: Array) -> Array:
    """64 random bits (uint64) at each place ≥ 0 of a stream, the generator's number place + 1."""
    with np.errstate(over="ignore"):
        z = start + (places.astype(np.uint64) + np.uint64(1)) * GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found: Array = z ^ (z >> np.uint64(31))
    return found
