"""How often a model and the rule say the same about a market.

What each says holds from its `since` to before its `until`, or until it says the next. Over the
time that both say something, the share of it in which they name the same regime is their agreement:
it is weighed by time, so that a word that held for two hours counts for more than one of a minute.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from kernels.metrics import ratio
from projections.improvement_models import AgreementView
from projections.paging import Found

RULE = "rule"


class Span(NamedTuple):
    """A regime, for as long as somebody held to it."""

    since: int  # ms
    until: int  # exclusive
    regime: str


def agreements(rows: Iterable[Found]) -> list[AgreementView]:
    """Compare each model with the rule, symbol by symbol; rows come in log order."""
    said: dict[tuple[str, str], list[Span]] = {}
    for row in rows:
        said.setdefault((row.symbol, row.by), []).append(Span(row.since, row.until, row.regime))
    return [
        compared(symbol, by, held(said.get((symbol, RULE), [])), held(spans))
        for (symbol, by), spans in sorted(said.items())
        if by != RULE
    ]


def held(spans: Sequence[Span]) -> list[Span]:
    """Cut what one classifier said where it said the next."""
    ordered = sorted(spans, key=lambda span: span.since)
    cut = [
        Span(one.since, min(one.until, following.since), one.regime)
        for one, following in pairwise(ordered)
    ]
    return [span for span in (*cut, *ordered[-1:]) if span.since < span.until]


def compared(symbol: str, by: str, rule: Sequence[Span], model: Sequence[Span]) -> AgreementView:
    pairs = overlap = equal = 0
    at = 0
    for span in model:
        while at < len(rule) and rule[at].until <= span.since:
            at += 1
        for n in range(at, len(rule)):
            other = rule[n]
            if other.since >= span.until:
                break
            shared = min(span.until, other.until) - max(span.since, other.since)
            pairs += 1
            overlap += shared
            equal += shared if span.regime == other.regime else 0
    return AgreementView(
        symbol=symbol,
        by=by,
        overlapping=pairs,
        overlap_ms=overlap,
        equal_ms=equal,
        share=ratio(equal, overlap),
    )
