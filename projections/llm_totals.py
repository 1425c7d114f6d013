"""What models cost, and what the versions that they wrote changed.

A version counts as accepted once it was given paper accounts. It cost what all calls about its
strategy cost since the accepted version before it: looks that led to nothing were paid for too.
What it changed is told by closed trades of its sleeve B on paper against its parent's, so a version
without trades, or whose parent has none, has no figure; the two traded at different times.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby

from sqlalchemy import Connection, select

from kernels.metrics import EXACT, PLACES, ZERO, ratio, total
from projections.improvement_models import AcceptedVersion, LlmSum, LlmTotals
from projections.improvement_reading import dollars, llm_sum
from projections.improvement_tables import LLM_TOTALS
from projections.paging import Found
from projections.tables import PERFORMANCE, VERSIONS

Nets = Mapping[tuple[str, str], tuple[int, Decimal]]  # (strategy, version) -> trades, net


def llm_totals(connection: Connection, strategy: str | None) -> LlmTotals:
    """Sum up the calls, of all or about one strategy, by day, purpose, strategy and version."""
    about = [] if strategy is None else [LLM_TOTALS.c.strategy == strategy]
    rows = list(connection.execute(select(LLM_TOTALS).where(*about).order_by(LLM_TOTALS.c.id)))
    versions = accepted(connection, strategy, rows)
    changes = [version.change for version in versions if version.change is not None]
    change = total(changes) if changes else None
    spent = dollars(row for row in rows if row.strategy)
    return LlmTotals(
        total=llm_sum("all", rows),
        days=tuple(by(rows, lambda row: str(row.day))),
        purposes=tuple(by(rows, lambda row: str(row.purpose))),
        strategies=tuple(by(rows, lambda row: str(row.strategy))),
        versions=tuple(versions),
        change=change,
        per_dollar=None if change is None else ratio(change, spent),
    )


def by(rows: Sequence[Found], key: Callable[[Found], str]) -> list[LlmSum]:
    grouped = groupby(sorted(rows, key=key), key)
    return [llm_sum(name, list(found)) for name, found in grouped]


def accepted(
    connection: Connection, strategy: str | None, calls: Sequence[Found]
) -> list[AcceptedVersion]:
    """List the versions that models wrote and that were given paper accounts, by strategy."""
    asked = select(VERSIONS).where(
        VERSIONS.c.author == "llm", VERSIONS.c.active == 1, VERSIONS.c.number.is_not(None)
    )
    if strategy is not None:
        asked = asked.where(VERSIONS.c.strategy == strategy)
    rows = connection.execute(asked.order_by(VERSIONS.c.strategy, VERSIONS.c.position))
    nets = paper_nets(connection)
    by_look: dict[tuple[str, int], list[Found]] = {}
    for call in calls:
        by_look.setdefault((call.strategy, call.number), []).append(call)
    found: list[AcceptedVersion] = []
    before: dict[str, int] = {}  # the look of the accepted version before, by strategy
    for row in rows:
        looks = range(before.get(row.strategy, 0) + 1, row.number + 1)
        paid = [by_look.get((row.strategy, number), []) for number in looks]
        found.append(version(row, paid, by_look.get((row.strategy, row.number), []), nets))
        before[row.strategy] = row.number
    return found


def version(
    row: Found, paid: Sequence[Sequence[Found]], own: Sequence[Found], nets: Nets
) -> AcceptedVersion:
    cost_since = dollars(call for look in paid for call in look)
    trades, net = nets.get((row.strategy, row.version), (0, ZERO))
    parent_trades, parent_net = nets.get((row.strategy, row.parent), (0, ZERO))
    change = changed(trades, net, parent_trades, parent_net)
    return AcceptedVersion(
        id=row.id,
        strategy=row.strategy,
        version=row.version,
        parent=row.parent,
        number=row.number,
        calls=llm_sum(row.id, own).calls,
        cost=dollars(own),
        cost_since=cost_since,
        trades=trades,
        net=net,
        parent_trades=parent_trades,
        parent_net=parent_net,
        change=change,
        per_dollar=None if change is None else ratio(change, cost_since),
    )


def changed(trades: int, net: Decimal, parent_trades: int, parent_net: Decimal) -> Decimal | None:
    """Give (net / trades − parent's net / parent's trades) × trades, to eight places."""
    if trades == 0 or parent_trades == 0:
        return None
    expected = EXACT.divide(EXACT.multiply(parent_net, Decimal(trades)), Decimal(parent_trades))
    return EXACT.subtract(net, expected).quantize(PLACES, context=EXACT)


def paper_nets(connection: Connection) -> Nets:
    columns = PERFORMANCE.c
    asked = select(
        columns.strategy, columns.version, columns.trades, columns.profit, columns.loss
    ).where(columns.mode == "paper", columns.sleeve == "B")
    return {
        (row.strategy, row.version): (row.trades, EXACT.subtract(row.profit, row.loss))
        for row in connection.execute(asked)
    }
