"""What a strategy said, with the series it said it by."""

from math import isfinite

from application.trading.kernel import Block
from application.trading.run import Run
from domain.cause import Cause
from domain.event import Mode
from domain.ids import signals_stream
from domain.signals import SignalRaised
from kernels import dtypes as k

Row = list[float]


def stream_of(run: Run, block: Block, row: Row) -> str:
    """Name the stream that a SIGNAL record belongs to."""
    return signals_stream(run.strategy, opened(block, row))


def opened(block: Block, row: Row) -> int:
    return int(block.closes[int(row[k.SYMBOL])][int(row[k.D])])


def raised(
    run: Run, block: Block, row: Row, cause: Cause, mode: Mode, stream: str, stream_version: int
) -> SignalRaised:
    """Turn a SIGNAL record into its event."""
    symbol = int(row[k.SYMBOL])
    market = run.markets[symbol]
    names, tags = run.program.series_names, run.program.tags
    values = block.series[symbol][:, int(row[k.D])].tolist() if names else []
    tag = int(row[k.C])
    return SignalRaised(
        stream=stream,
        stream_version=stream_version,
        kind="derived",
        occurred_at=cause.occurred_at,
        correlation_id=cause.correlation_id,
        actor=cause.actor,
        mode=mode,
        strategy=run.strategy,
        version=run.version,
        symbol=market.symbol,
        bar=opened(block, row),
        side="long" if row[k.A] > 0 else "short",
        confidence=row[k.B],
        tag=tags[tag] if 0 <= tag < len(tags) else "",
        price=market.price(row[k.G]),
        stop=number(row[k.E]),
        target=number(row[k.F]),
        series=dict(zip(names, map(number, values), strict=True)),
    )


def number(value: float) -> float | None:
    return value if isfinite(value) else None
