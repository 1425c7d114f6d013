"""A process that projects a sample history in small batches, for tests that kill it.

Usage: python -m tests.integration.views_child FILE SEED STEPS BATCH. Prints each position once its
batch is committed.
"""

import sys
from pathlib import Path

from tests.event_samples import history
from tests.fakes import MemoryLog
from tests.view_tables import runner_on

if __name__ == "__main__":
    file, seed, steps, batch = sys.argv[1:]
    runner = runner_on(MemoryLog(history(int(seed), int(steps))), Path(file), int(batch))
    while runner.advance():
        print(runner.position, flush=True)
