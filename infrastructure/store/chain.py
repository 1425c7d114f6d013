"""The hash chain: each row carries a digest of itself and of every row before it.

    chain = sha256(previous chain ‖ position ␊ stream ␊ version ␊ recorded_at ␊ topic ␊ state)

Numbers are decimal text and ␊ is one newline byte. Streams and topics cannot hold a newline (the
mapper refuses one) and a state is JSON on one line, so no two different rows spell the same bytes.
The chain before position 1 is 32 zero bytes. `correlation_id` is a copy of a field of the state,
held to it by the audit.
"""

from hashlib import sha256

GENESIS = bytes(32)


def link(
    previous: bytes,
    position: int,
    stream: bytes,
    version: int,
    recorded_at: int,
    topic: bytes,
    state: bytes,
) -> bytes:
    """Compute one row's chain. Names are UTF-8; a value of another type raises TypeError."""
    return sha256(
        b"%b%d\n%b\n%d\n%d\n%b\n%b"
        % (previous, position, stream, version, recorded_at, topic, state)
    ).digest()
