"""What a sweep keeps of an account: figures enough to judge it, and its digest.

A record of FIGURES is all that is left of a finished parameter set, so memory grows by its size and
no more. Money is exact (whole 1e-8 quote); ratios are defined in `kernels.metrics`, from these.
"""

import hashlib
from typing import Any

import numpy as np

from kernels.runner import digest_of
from kernels.stages import DESK

Array = np.ndarray[Any, Any]

FIGURES = np.dtype(
    [
        ("trades", "<i8"),  # closed
        ("wins", "<i8"),  # of them, with a net above 0
        ("profit", "<f8"),  # money: Σ net of the wins
        ("loss", "<f8"),  # money: −Σ net of the others
        ("fees", "<f8"),  # money, of closed trades
        ("slippage", "<f8"),  # money, likewise
        ("funding", "<f8"),  # money, likewise
        ("max_drawdown", "<f8"),  # money, at base-bar closes
        ("equity", "<f8"),  # money, at the last close
        ("ruined", "?"),
        ("digest", "V32"),  # sha256, `runner.digest_of`
    ]
)
# field -> field of the account
SOURCES = {
    "trades": "trades",
    "wins": "wins",
    "profit": "profit",
    "loss": "loss",
    "fees": "all_fees",
    "slippage": "all_slippage",
    "funding": "all_funding",
    "max_drawdown": "drawdown",
    "equity": "equity",
}


def figures_of(kept: Array) -> Array:
    """Read FIGURES [accounts] off accounts [accounts, KEPT]."""
    figures = np.zeros(len(kept), FIGURES)
    for name, source in SOURCES.items():
        figures[name] = kept[:, DESK["account", source]]
    figures["ruined"] = kept[:, DESK["account", "ruined"]] > 0.0
    figures["digest"] = [np.void(bytes.fromhex(digest_of(account))) for account in kept]
    return figures


def state_digest(figures: Array) -> str:
    """sha256 over the digests of all sets, 32 bytes each, in order."""
    return hashlib.sha256(np.ascontiguousarray(figures["digest"]).tobytes()).hexdigest()


def hex_digest(figures: Any) -> str:
    """The digest of one record as `perpetua backtest` prints it."""
    return bytes(figures["digest"]).hex()


def rank(figures: Array) -> Array:
    """What sets are judged by: net, money; −inf where it is no number."""
    net = figures["profit"] - figures["loss"]
    return np.where(np.isnan(net), -np.inf, net)


def best(figures: Array, count: int) -> Array:
    """Indexes of the records with the highest net, highest first; of equal nets the first."""
    order: Array = np.lexsort((np.arange(len(figures)), -rank(figures)))
    return order[:count]
