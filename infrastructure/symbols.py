"""The three spellings of a symbol, and the one we store.

People write `BTC/USDT` (perpetuals `BTC/USDT:USDT`), which is also what venues are asked for;
streams and files write `BTC-USDT` (perpetuals `BTC-USDT-PERP`), which needs no escaping anywhere.
Only perpetuals settled in their quote currency exist here: money is quote money.
"""

import difflib
import re
from collections.abc import Sequence

from application.ports import FeedError

_STORED = re.compile(r"^([A-Z0-9]+)-([A-Z0-9]+)(-PERP)?$")
_WRITTEN = re.compile(r"^([A-Z0-9]+)/([A-Z0-9]+)(?::([A-Z0-9]+))?$")
_SHOWN = 12  # a venue lists thousands of symbols, an error names the nearest few


class UnknownSymbol(FeedError):
    """The symbol is not written as one, or the feed does not have it."""


def stored_symbol(text: str) -> str:
    """Turn what a person writes into the stored form. Raises `UnknownSymbol`."""
    upper = text.strip().upper()
    if _STORED.match(upper):
        return upper
    written = _WRITTEN.match(upper)
    if written is None or written[3] not in (None, written[2]):
        raise UnknownSymbol(
            f"symbol was {text!r}, must be like BTC/USDT (spot) or BTC/USDT:USDT (perpetual)"
        )
    return f"{written[1]}-{written[2]}" + ("-PERP" if written[3] else "")


def venue_symbol(symbol: str) -> str:
    """Turn a symbol, written or stored, into the form venues use. Raises `UnknownSymbol`."""
    name = stored_symbol(symbol)
    base, quote = name.removesuffix("-PERP").split("-")
    return f"{base}/{quote}" + (f":{quote}" if is_perpetual(name) else "")


def is_perpetual(symbol: str) -> bool:
    """Tell whether a stored symbol is a perpetual, so that funding applies."""
    return symbol.endswith("-PERP")


def unknown_symbol(symbol: str, where: str, available: Sequence[str]) -> UnknownSymbol:
    """Word the error for a symbol that is not there: all there are, or the nearest of many."""
    names = sorted(set(available))
    if not names:
        return UnknownSymbol(f"symbol was {symbol!r}, but {where} has no candles at all")
    if len(names) <= _SHOWN:
        return UnknownSymbol(f"symbol was {symbol!r}, {where} has {', '.join(names)}")
    near = difflib.get_close_matches(symbol, names, n=_SHOWN, cutoff=0.0)
    return UnknownSymbol(
        f"symbol was {symbol!r}, which is not among the {len(names)} symbols of {where}; "
        f"the nearest are {', '.join(near)}"
    )
