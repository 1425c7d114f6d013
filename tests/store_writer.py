"""A child process that appends for ever and says what it was told is durable; it is to be killed.

Batch n (from 1) holds n % 7 + 1 marks on each of two streams, a blob and a checkpoint, all of which
follow from n, so that whoever reads the log afterwards knows what a whole batch is.
"""

import sys
from collections import deque
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path

from application.ports import Batch, Checkpoint
from infrastructure.store import SqliteEventLog
from tests.store_samples import marks

IN_FLIGHT = 8  # batches submitted beyond the last that was waited for


def batch(number: int) -> Batch:
    """Make the batch of that number."""
    size = number % 7 + 1
    first = 1 + sum(n % 7 + 1 for n in range(1, number))
    content = f"blob {number}".encode()
    return Batch(
        events=[*marks(first, size), *marks(first, size, "strategy/a")],
        blobs={sha256(content).hexdigest(): content},
        checkpoint=Checkpoint(number, content),
    )


def main() -> None:
    """Append from where the log is; print each acknowledged position with its row's bytes."""
    log = SqliteEventLog(Path(sys.argv[1]))
    done = log.checkpoint()
    number = done.last_bar if done else 0
    waiting: deque[Future[int]] = deque()
    while True:
        number += 1
        waiting.append(log.submit(batch(number)))
        if len(waiting) > IN_FLIGHT:
            position = waiting.popleft().result()
            with log.lend() as db:
                (chain,) = db.execute(
                    "SELECT chain FROM events WHERE position = ?", (position,)
                ).fetchone()
            print(position, chain.hex(), flush=True)


if __name__ == "__main__":
    main()
