"""How a history is cut: what an author may know, what its candidates are tested on, and when.

Everything lies at UTC midnights. The older two thirds are the author's; after a purge as long as
the longest look back and the longest trade, the rest is the test, which no author of that look has
seen. Both are walked through in windows, each with an account of its own, so that no window is
judged by what an earlier one left.
"""

from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from domain.improvement import Policy
from domain.strategy.improvement import RecodeRequested
from domain.timeframe import DAY
from kernels.program import Program
from kernels.sweep.trials import Span

FIT_PARTS, PARTS = 2, 3  # the author's share of the history
FIT_WINDOWS, UNSEEN_WINDOWS = 8, 4  # at most
LEAST_WINDOW = 5 * DAY  # fewer windows rather than shorter ones
MOST_PURGE = 10 * DAY
WARM_DAYS = 120  # of bars that a version's series have seen before the first that it trades


class Cut(Struct, frozen=True):
    """A history, cut. All in ms, at UTC midnights."""

    start: int
    split: int  # what opens before it may be known to the author
    test_from: int
    end: int  # exclusive


def asked_for(asked: RecodeRequested) -> Cut:
    """Give the cut that a request names."""
    return Cut(asked.start, asked.split, asked.test_from, asked.end)


def first_midnight(moment: int) -> int:
    """Give the UTC midnight at or after a moment (ms)."""
    return -(-moment // DAY) * DAY


def next_look(
    policy: Policy, first_bar: int, asked: RecodeRequested | None, timeframe_ms: int
) -> int:
    """Give the UTC midnight (ms) at which a strategy may be looked at again, at the earliest.

    Its history must have grown by the policy's share since the last look: evidence accrues with
    time, and every look at the same evidence is one more try at being lucky.
    """
    start = first_midnight(first_bar)
    if asked is None:
        return start + policy.least_days * DAY
    grown = int(Decimal(asked.end - start) * policy.growth)
    return first_midnight(asked.end + max(grown, policy.bars * timeframe_ms, DAY))


def cut(policy: Policy, first_bar: int, end: int, purge: int) -> Cut:
    """Cut the history that ends at a midnight `end`; `purge` is in ms."""
    start = max(first_midnight(first_bar), end - policy.most_days * DAY)
    split = start + (end - start) // DAY * FIT_PARTS // PARTS * DAY
    test_from = first_midnight(split + min(purge, MOST_PURGE))
    if policy.author == "llm" and policy.knows_until is not None:
        test_from = max(test_from, first_midnight(policy.knows_until))
    return Cut(start, split, min(test_from, end), end)


def purge_of(program: Program, longest_trade: int) -> int:
    """Give the longest look back of a strategy's series and the longest trade together, ms."""
    longest = max(program.flat.series.rings.values(), default=1)
    return longest * program.timeframe_ms + longest_trade


def windows(start: int, end: int, most: int) -> tuple[Span, ...]:
    """Cut [start, end) into at most so many windows of whole days, as even as can be."""
    days = (end - start) // DAY
    count = max(1, min(most, days * DAY // LEAST_WINDOW))
    edges = [start + days * n // count * DAY for n in range(count + 1)]
    return tuple(Span(first, last) for first, last in pairwise(edges) if first < last)


def fit_windows(asked: Cut) -> tuple[Span, ...]:
    """Give the windows that an author may know."""
    return windows(asked.start, asked.split, FIT_WINDOWS)


def unseen_windows(asked: Cut) -> tuple[Span, ...]:
    """Give the windows that candidates are tested on."""
    return windows(asked.test_from, asked.end, UNSEEN_WINDOWS)
