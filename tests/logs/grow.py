"""The golden log: one stored example, at least, of every event there is, byte for byte.

A landed line is history: it must decode and encode to the same bytes for ever, so lines are only
ever added. After registering a topic, add an example below and run `python -m tests.logs.grow`: it
appends what the log does not hold yet, and touches nothing else.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain import home, market, signals, tightening
from domain.event import Event
from domain.gate import GateFailure, GateVerdict
from domain.instrument import Instrument
from domain.portfolio import events as portfolio
from domain.strategy import events as strategy
from infrastructure.store.chain import GENESIS, link
from infrastructure.store.mapper import MsgspecMapper
from tests.logs.envelopes import ACCOUNT, NOON, STRATEGY, asked, derived
from tests.logs.improvement_examples import IMPROVEMENT

LOG = Path(__file__).parent / "0001.jsonl"

RECORDED = 1_735_732_860_123_456

VERDICT = GateVerdict(
    passed=False,
    trades=50,
    open_trades=1,
    wins=35,
    win_rate=Decimal("0.70000000"),
    win_rate_low=Decimal("0.56246910"),
    profit_factor=None,
    net=Decimal("612.40512000"),
    attempts=3,
    failures=(
        GateFailure("GATE_WIN_RATE", Decimal("0.71"), Decimal("0.70000000")),
        GateFailure("GATE_PROFIT_FACTOR", Decimal("1.8"), None),
    ),
)
ORDER_ID = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CLOSED = {
    "position_id": ORDER_ID,
    "symbol": "BTC-USDT",
    "side": "long",
    "quantity": Decimal("0.05912"),
    "entry_at": NOON - 3_600_000,
    "exit_at": NOON,
    "entry_price": Decimal("93512.44"),
    "exit_price": Decimal("93911.02"),
    "gross": Decimal("29.14512960"),
    "fees": Decimal("5.54011230"),
    "slippage": Decimal("5.58123450"),
    "funding": Decimal("0.00000000"),
    "net": Decimal("18.02378280"),
    "reason": "target",
    "tag": "below_band",
    "mae": Decimal("-12.50123400"),
    "mfe": Decimal("31.20000001"),
    "bars": 4,
}

# (event class, what all events have, its own fields), in the order of a plausible history.
EXAMPLES: Sequence[tuple[type[Event], dict[str, Any], dict[str, Any]]] = (
    (
        home.HomeOpened,
        {**asked("home", "open"), "correlation_id": "home", "actor": "operator"},
        {
            "feed": "recorded",
            "venue": "binance",
            "timeframe": "1m",
            "data_digest": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "instruments": (
                Instrument(
                    symbol="BTC-USDT",
                    market="spot",
                    tick=Decimal("0.01"),
                    lot=Decimal("0.00001"),
                    min_notional=Decimal(5),
                    maker=Decimal("0.001"),
                    taker=Decimal("0.001"),
                    slippage=Decimal("0.001"),
                    maintenance=Decimal("0.005"),
                ),
            ),
        },
    ),
    (
        strategy.StrategyRegistered,
        {**asked(STRATEGY, "seed"), "actor": "seed"},
        {"strategy": "vwap_reversion", "description": "Fade closes beyond the VWAP bands."},
    ),
    (
        strategy.VersionAuthored,
        {**asked(STRATEGY, "seed"), "actor": "seed"},
        {
            "version": "v1",
            "source_sha": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
            "parameters": {"lookback": 20.0, "width": 2.0, "deviation": 0.0015},
            "timeframe": "15m",
            "author": "seed",
            "parent": None,
            "hypothesis": "Closes far from VWAP come back – “mean reversion”.",
            "tokens": 0,
            "cost": Decimal("0.00"),
        },
    ),
    (
        strategy.VersionActivated,
        asked(STRATEGY, "activate"),
        {"mode": "paper", "version": "v1", "from_bar": NOON},
    ),
    (
        portfolio.AccountOpened,
        derived(ACCOUNT, f"{STRATEGY}@3"),
        {
            "mode": "paper",
            "strategy": "vwap_reversion",
            "version": "v1",
            "sleeve": "B",
            "leverage": 8,
            "capital": Decimal(17000),
        },
    ),
    (
        signals.SignalRaised,
        derived("signals/vwap_reversion/2025-01"),
        {
            "mode": "paper",
            "strategy": "vwap_reversion",
            "version": "v1",
            "symbol": "BTC-USDT",
            "bar": NOON - 900_000,
            "side": "long",
            "confidence": 0.6,
            "tag": "below_band",
            "price": Decimal("93480.12"),
            "stop": 280.12345678901234,
            "target": None,
            "series": {"mid": 93611.25, "lower": 93500.0, "upper": None, "tiny": 5e-324},
        },
    ),
    (
        portfolio.OrderPlaced,
        derived(ACCOUNT, "signals/vwap_reversion/2025-01@1"),
        {
            "order_id": ORDER_ID,
            "symbol": "BTC-USDT",
            "side": "buy",
            "intent": "entry",
            "order_type": "market",
            "quantity": Decimal("0.05912"),
            "reference_price": Decimal("93480.12"),
            "tag": "below_band",
        },
    ),
    (
        portfolio.OrderFilled,
        derived(ACCOUNT, f"{ACCOUNT}@2"),
        {
            "order_id": ORDER_ID,
            "symbol": "BTC-USDT",
            "side": "buy",
            "quantity": Decimal("0.05912"),
            "price": Decimal("93512.44"),
            "reference_price": Decimal("93418.99"),
            "fee": Decimal("5.52845545"),
            "slippage": Decimal("5.52476400"),
            "liquidity": "taker",
        },
    ),
    (
        portfolio.PositionOpened,
        derived(ACCOUNT, f"{ACCOUNT}@3"),
        {
            "position_id": ORDER_ID,
            "symbol": "BTC-USDT",
            "side": "long",
            "quantity": Decimal("0.05912"),
            "entry_price": Decimal("93512.44"),
            "stop": Decimal("93232.31"),
            "target": None,
            "tag": "below_band",
        },
    ),
    (
        portfolio.FundingPaid,
        derived(ACCOUNT),
        {"symbol": "BTC-USDT-PERP", "rate": 0.0001, "amount": Decimal("-0.55285030")},
    ),
    (
        portfolio.EquityMarked,
        derived(ACCOUNT),
        {
            "cash": Decimal("16994.47154455"),
            "unrealised": Decimal("-3.10000000"),
            "peak": Decimal("17000.00000000"),
            "max_drawdown": Decimal("8.62845545"),
            "price": None,
            "prices": {"BTC-USDT": Decimal("93460.00"), "ETH-USDT": Decimal("3512.40")},
        },
    ),
    (portfolio.PositionClosed, derived(ACCOUNT, f"{ACCOUNT}@4"), CLOSED),
    (
        portfolio.OrderCancelled,
        derived(ACCOUNT, f"{STRATEGY}@8"),
        {"order_id": ORDER_ID, "reason": "entries_off"},
    ),
    (
        portfolio.RiskRefused,
        derived(ACCOUNT),
        {
            "code": "RISK_FIGURE_MISSING",
            "symbol": "BTC-USDT",
            "limit": Decimal("0.15"),
            "observed": None,
        },
    ),
    (
        portfolio.BreakerTripped,
        derived(ACCOUNT),
        {
            "code": "RISK_DAILY_LOSS",
            "limit": Decimal(500),
            "observed": Decimal("503.12000000"),
            "until": NOON + 43_200_000,
        },
    ),
    (portfolio.BreakerCleared, derived(ACCOUNT), {"code": "RISK_DAILY_LOSS"}),
    (
        portfolio.Liquidated,
        derived(ACCOUNT),
        {
            "symbol": "BTC-USDT-PERP",
            "price": Decimal("82234.50"),
            "margin_lost": Decimal("691.04000000"),
        },
    ),
    (
        portfolio.AccountRuined,
        derived(ACCOUNT),
        {"equity": Decimal("0.41200000"), "required": Decimal("5.00000000")},
    ),
    (
        market.BarsSealed,
        {**derived("market/binance/BTC-USDT"), "kind": "input"},
        {
            "venue": "binance",
            "symbol": "BTC-USDT",
            "timeframe": "1m",
            "start": NOON - 43_200_000,
            "end": NOON + 43_200_000,
            "rows": 1438,
            "absent": 2,
            "sha256": "baa5a0964d3320fbc0c6a922140453c8513ea24ab8fd0577034804a967248096",
        },
    ),
    (
        market.FeedGap,
        {**derived("market/binance/BTC-USDT"), "kind": "input"},
        {
            "venue": "binance",
            "symbol": "BTC-USDT",
            "after": NOON,
            "before": NOON + 180_000,
            "missing": 2,
        },
    ),
    (
        strategy.MarkedReady,
        derived(STRATEGY, f"{ACCOUNT}@5"),
        {"version": "v1", "verdict": VERDICT},
    ),
    (
        strategy.PromotionRequested,
        asked(STRATEGY, "promote-1"),
        {"version": "v1", "reason": "fifty good trades"},
    ),
    (
        strategy.PromotionRefused,
        derived(STRATEGY, f"{STRATEGY}@5"),
        {"version": "v1", "verdict": VERDICT},
    ),
    (
        strategy.PromotedToLive,
        derived(STRATEGY, f"{STRATEGY}@5"),
        {
            "version": "v1",
            "account": "live/sim/vwap_reversion",
            "verdict": VERDICT,
            "attempts": 3,
        },
    ),
    (
        strategy.Paused,
        asked(STRATEGY, "pause-1"),
        {"by": "operator:ada", "reason": "news", "until": None},
    ),
    (
        strategy.Resumed,
        asked(STRATEGY, "resume-1"),
        {"by": "operator:ada", "reason": 'news "over"\nas of noon'},
    ),
    (
        strategy.Flattened,
        asked(STRATEGY, "flatten-1"),
        {"by": "operator:ada", "reason": "exchange maintenance", "scope": "home"},
    ),
    (
        tightening.LimitTightened,
        asked("limits", "tighten-1"),
        {
            "name": "day_loss",
            "old": Decimal(500),
            "new": Decimal("250.00"),
            "reason": "a quiet week",
        },
    ),
    (
        strategy.DemotedToPaper,
        asked(STRATEGY, "demote-1"),
        {"by": "operator:ada", "reason": "drawdown"},
    ),
    (
        strategy.VersionRejected,
        derived(STRATEGY, f"{ACCOUNT}@9"),
        {"version": "v1", "stage": "paper", "reasons": ("account ruined in sleeve B",)},
    ),
    (strategy.Retired, asked(STRATEGY, "retire-1"), {"by": "operator:ada", "reason": "superseded"}),
    *IMPROVEMENT,
)


def read(path: Path = LOG) -> list[dict[str, Any]]:
    """Give the stored lines, oldest first; `state` is the exact text, `chain` is hex."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def grow(path: Path = LOG) -> list[str]:
    """Append an example of each topic the log does not hold, and give their topics."""
    lines = read(path)
    held = {line["topic"] for line in lines}
    mapper = MsgspecMapper()
    added: list[str] = []
    tip = bytes.fromhex(lines[-1]["chain"]) if lines else GENESIS
    versions = {line["stream"]: line["version"] for line in lines}
    with path.open("a", encoding="utf-8") as log:
        for cls, envelope, fields in EXAMPLES:
            if cls.TOPIC in held:
                continue
            version = versions.get(envelope["stream"], 0) + 1
            row = mapper.to_row(cls(**envelope, stream_version=version, **fields))
            position = len(lines) + len(added) + 1
            recorded_at = RECORDED + position
            tip = link(
                tip,
                position,
                row.stream.encode(),
                version,
                recorded_at,
                row.topic.encode(),
                row.state,
            )
            line = {
                "position": position,
                "stream": row.stream,
                "version": version,
                "topic": row.topic,
                "recorded_at": recorded_at,
                "correlation_id": row.correlation_id,
                "state": row.state.decode(),
                "chain": tip.hex(),
            }
            log.write(json.dumps(line, ensure_ascii=False) + "\n")
            versions[row.stream] = version
            added.append(row.topic)
    return added


if __name__ == "__main__":
    for name in grow():
        print(f"added {name}")
