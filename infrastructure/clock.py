"""The one place that reads the machine's clocks.

Wall time never decides anything that replay repeats: it paces feeds, stamps `recorded_at` and
measures rates. Everything that waits takes a clock, so that tests need not.
"""

import threading
import time


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Wall time, ms UTC."""
        return time.time_ns() // 1_000_000

    def now_us(self) -> int:
        """Wall time, µs UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Block until `event` is set or `seconds` have passed; tell whether it is set."""
        return event.wait(seconds)
