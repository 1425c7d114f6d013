"""How a bar looks on disk and in a day's seal.

64 bytes, little-endian: the 56 bytes of a BAR, their crc32 and four zero bytes. The digest of a
sealed day is taken over these records, so the layout never changes.
"""

import zlib
from typing import Any

import numpy as np

from application.ports import BAR, RECORD_BYTES, Bars

RECORD = np.dtype([("bar", BAR), ("crc", "<u4"), ("zero", "<u4")])
SIZE = RECORD_BYTES

Records = np.ndarray[Any, Any]


def seal(bars: Bars) -> bytes:
    """Turn bars into the records that the journal holds and day seals digest."""
    records = np.zeros(len(bars), RECORD)
    records["bar"] = bars
    records["crc"] = checksums(records)
    return records.tobytes()


def checksums(records: Records) -> Records:
    """Compute the crc32 of every record's bar at once.

    For messages of one length crc32 is linear: the checksum is that of all zeros, xor one figure
    for each byte that depends on its place and value only.
    """
    data = np.ascontiguousarray(records).view(np.uint8).reshape(len(records), SIZE)
    total = np.full(len(records), _ZEROS, np.uint32)
    for place in range(BAR.itemsize):
        total ^= _TABLE[place][data[:, place]]
    return total


def sound(records: Records) -> Records:
    """Tell of each record whether it is whole."""
    good: Records = (records["crc"] == checksums(records)) & (records["zero"] == 0)
    return good


def _table() -> Records:
    table = np.zeros((BAR.itemsize, 256), np.uint32)
    message = bytearray(BAR.itemsize)
    for place in range(BAR.itemsize):
        for value in range(256):
            message[place] = value
            table[place, value] = zlib.crc32(message) ^ _ZEROS
        message[place] = 0
    return table


_ZEROS = zlib.crc32(bytes(BAR.itemsize))
_TABLE = _table()
