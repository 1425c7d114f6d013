"""How rows of the improvement loop become the items that queries give."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
from sqlalchemy import Connection, select

from domain.strategy.improvement import HoldoutScore, LossPattern
from kernels.metrics import figures, total
from projections import improvement_models as models
from projections.improvement_tables import RECODES
from projections.paging import Found
from projections.reading import view

CANDIDATES = msgspec.json.Decoder(tuple[models.Candidate, ...])
PATTERNS = msgspec.json.Decoder(tuple[LossPattern, ...])
SCORES = msgspec.json.Decoder(tuple[HoldoutScore, ...])
WORDS = msgspec.json.Decoder(tuple[str, ...])
BARS = msgspec.json.Decoder(dict[str, int])
DIGESTS = msgspec.json.Decoder(dict[str, str])

Candidates = tuple[models.Candidate, ...]


def candidates_of(connection: Connection, looks: Iterable[str]) -> Mapping[str, Candidates]:
    """Read what was written for these looks (`<strategy>/<number>`), by look."""
    asked = select(RECODES.c.id, RECODES.c.candidates).where(RECODES.c.id.in_(sorted(set(looks))))
    return {row.id: CANDIDATES.decode(row.candidates) for row in connection.execute(asked)}


def look_of(call: Found) -> str | None:
    """Name the look that a call was made for; None where it was about none."""
    return f"{call.strategy}/{call.number}" if call.strategy and call.number else None


def calls(connection: Connection, rows: Sequence[Found]) -> list[models.LlmCallView]:
    """Make calls of their rows, each with what came of its look."""
    looks = [look_of(row) for row in rows]
    written = candidates_of(connection, (look for look in looks if look is not None))
    return [
        call(row, () if look is None else written.get(look, ()))
        for row, look in zip(rows, looks, strict=True)
    ]


def call(row: Found, written: Candidates) -> models.LlmCallView:
    return view(
        models.LlmCallView,
        row,
        versions=tuple(each.version for each in written),
        tested=sum(each.passed is not None for each in written),
        passed=sum(each.passed is True for each in written),
        activated=sum(each.accepted for each in written),
    )


def recode(row: Found) -> models.RecodeView:
    """Make a look's request of its row, with what became of its candidates."""
    written = CANDIDATES.decode(row.candidates)
    return view(
        models.RecodeView,
        row,
        candidates=written,
        accepted=next((each.version for each in written if each.accepted), None),
        rejected=counted(code for each in written for code in set(each.reasons)),
        refused=WORDS.decode(row.refused),
    )


def recode_totals(strategy: str, rows: Sequence[Found]) -> models.RecodeTotals:
    """Sum up the looks of one strategy."""
    written = [each for row in rows for each in CANDIDATES.decode(row.candidates)]
    refused = [words for row in rows for words in WORDS.decode(row.refused)]
    statuses = Counter(row.status for row in rows)
    return models.RecodeTotals(
        strategy=strategy,
        asked=len(rows),
        waiting=statuses["asked"],
        answered=statuses["answered"],
        failed=statuses["failed"],
        failed_by=counted(row.code for row in rows if row.status == "failed"),
        candidates=len(written),
        accepted=sum(each.accepted for each in written),
        ruined=sum(each.ruined for each in written),
        rejected=sum(bool(each.reasons) for each in written),
        rejected_by=counted(code for each in written for code in set(each.reasons)),
        refused=len(refused),
        refused_by=counted(words.partition(":")[0] for words in refused),
        scored=sum(row.scored for row in rows),
        tokens=sum(row.tokens for row in rows),
        cost=total(row.cost for row in rows),
    )


def counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def losses(row: Found) -> models.LossView:
    """Make an analysis of its row."""
    return view(models.LossView, row, patterns=PATTERNS.decode(row.patterns))


def regime(row: Found) -> models.RegimeView:
    """Make a classification of its row."""
    return view(models.RegimeView, row, forced=bool(row.forced))


def regime_performance(row: Found) -> models.RegimePerformanceView:
    """Make what was earned in a regime of its row, with the ratios."""
    summary = figures(row.trades, row.wins, row.profit, row.loss)
    return view(
        models.RegimePerformanceView,
        row,
        win_rate=summary.win_rate,
        win_rate_low=summary.win_rate_low,
        profit_factor=summary.profit_factor,
        net=summary.net,
    )


def holdout(row: Found) -> models.HoldoutView:
    """Make a strategy's holdout of its row."""
    return view(
        models.HoldoutView,
        row,
        bars=BARS.decode(row.bars),
        sha256=DIGESTS.decode(row.sha256),
        scores=SCORES.decode(row.scores),
    )


def llm_sum(key: str, rows: Sequence[Found]) -> models.LlmSum:
    """Add rows of `llm_totals` up."""
    answered, refused, failed = (
        sum(getattr(row, name) for row in rows) for name in ("answered", "refused", "failed")
    )
    made = answered + refused + failed
    waited = sum(row.latency_ms for row in rows)
    return models.LlmSum(
        id=key,
        calls=made,
        answered=answered,
        refused=refused,
        failed=failed,
        prompt_tokens=sum(row.prompt_tokens for row in rows),
        completion_tokens=sum(row.completion_tokens for row in rows),
        cost=dollars(rows),
        latency_ms=waited // made if made else None,
    )


def dollars(rows: Iterable[Found]) -> Decimal:
    """Sum what rows of `llm_totals` cost."""
    return total(row.cost for row in rows)
