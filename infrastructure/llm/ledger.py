"""What calls of models may cost and did cost, on disk before and after each: caps outlive a crash.

A line a call before it is made, with the most that it may use, and another when it is over. What
the log of the home holds as well is known by its moment and its tokens. At every opening the file
is written anew with the last day alone. Raises OSError where the disk does.
"""

import os
from decimal import Decimal
from pathlib import Path

import msgspec

from application.llm_port import Used

DECODER = msgspec.json.Decoder(tuple[int, int, int, Decimal])


class Ledger:
    """Calls by number. One thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0

    def load(self) -> list[Used]:
        """Give what the last day's calls used, as far as is known; forget older ones."""
        if not self._path.exists():
            return []
        used: dict[int, Used] = {}
        for text in self._path.read_bytes().splitlines():
            try:
                number, at, tokens, dollars = DECODER.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError):  # a line that a crash cut short
                continue
            used[number] = Used(at, tokens, dollars)
        last = max((each.at for each in used.values()), default=0)
        kept = [each for each in used.values() if each.day == Used(last, 0, Decimal(0)).day]
        begun = self._path.with_suffix(".new")
        with begun.open("wb") as file:
            file.write(b"".join(line(n, each) for n, each in enumerate(kept)))
            file.flush()
            os.fsync(file.fileno())
        begun.replace(self._path)
        self._next = len(kept)
        return kept

    def note(self, used: Used, number: int | None = None) -> int:
        """Write down what a call may use, or, by its number, what it did; give the number."""
        if number is None:
            number, self._next = self._next, self._next + 1
        with self._path.open("ab") as file:
            file.write(line(number, used))
            file.flush()
            os.fsync(file.fileno())
        return number


def line(number: int, used: Used) -> bytes:
    return msgspec.json.encode((number, *used)) + b"\n"
