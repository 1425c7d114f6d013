"""One look at a run: what the engine says it has done and what the read models show of it."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from application.engine import EngineState, Progress
from projections.models import PerformanceView
from projections.queries import Queries


class Line(Struct, frozen=True, kw_only=True):
    """One account of one strategy."""

    strategy: str
    version: str
    mode: str  # paper | live/sim
    sleeve: str
    status: str
    trades: int
    win_rate: Decimal | None
    net: Decimal
    equity: Decimal
    open_pnl: Decimal  # of what it holds, at the last mark


class Glance(Struct, frozen=True, kw_only=True):
    state: EngineState
    bars: int  # made durable by this run
    bars_per_second: float
    last_bar: int | None
    position: int  # of the log
    projected: int  # last position whose effect is in the read models
    lag: int  # position − projected
    strategies: tuple[Line, ...]


def take(queries: Queries, progress: Progress) -> Glance:
    """Look once. Raises what the queries raise."""
    statuses = {strategy.id: strategy.status for strategy in queries.strategies()}
    accounts = queries.performance()
    projected = queries.position()
    return Glance(
        state=progress.state,
        bars=progress.bars,
        bars_per_second=round(progress.bars_per_second, 1),
        last_bar=progress.last_bar,
        position=max(progress.position, projected),
        projected=projected,
        lag=max(0, progress.position - projected),
        strategies=tuple(line(account, statuses) for account in accounts),
    )


def line(account: PerformanceView, statuses: Mapping[str, str]) -> Line:
    return Line(
        strategy=account.strategy,
        version=account.version,
        mode=account.mode,
        sleeve=account.sleeve,
        status="ruined" if account.ruined else statuses.get(account.strategy, ""),
        trades=account.trades,
        win_rate=account.win_rate,
        net=account.net,
        equity=account.equity,
        open_pnl=account.open_pnl,
    )
