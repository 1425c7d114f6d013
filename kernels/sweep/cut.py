"""A batch that was stopped between two bars, as bytes that any process can take up."""

import hashlib
import struct
from dataclasses import dataclass

from kernels.backends.fleet import Fleet

HEAD = struct.Struct("<qd32s32s")  # of a cut: next bar, seconds, plan, sha256 of the state


class CutInvalid(ValueError):
    """A stopped batch belongs to another plan, or its bytes are not whole."""


@dataclass(frozen=True)
class Cut:
    """A batch that was stopped: what it needs to go on."""

    data: bytes


def cut_of(fleet: Fleet, at: int, seconds: float, fingerprint: bytes) -> Cut:
    state = fleet.state()
    return Cut(HEAD.pack(at, seconds, fingerprint, hashlib.sha256(state).digest()) + state)


def taken_up(fleet: Fleet, cut: Cut, fingerprint: bytes) -> tuple[int, float]:
    if len(cut.data) < HEAD.size:
        raise CutInvalid(f"cut was {len(cut.data)} bytes, must be at least {HEAD.size}")
    at, seconds, made_under, checksum = HEAD.unpack_from(cut.data)
    state = cut.data[HEAD.size :]
    if made_under != fingerprint:
        raise CutInvalid("cut was made of another batch or plan, must be of this one")
    if hashlib.sha256(state).digest() != checksum:
        raise CutInvalid("cut's state was not what its checksum says, must be whole")
    try:
        fleet.restore(state)
    except ValueError as error:
        raise CutInvalid(f"cut's {error}") from error
    return at, seconds
