"""How much memory this process has used at most."""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_rss() -> int:
    """Give the most memory that was resident at once, bytes.

    Linux counts a parent's peak in its child's `ru_maxrss`, so the process's own figure is read
    where there is one.
    """
    if STATUS.is_file():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
