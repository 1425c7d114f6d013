"""Examples of the improvement loop's events for the golden log, as a look would leave them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from domain import improvement, llm, regime
from domain.event import Event
from domain.strategy import improvement as looks
from tests.logs.envelopes import NOON, STRATEGY, asked, derived

DAY = 86_400_000
SHA = "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"
OTHER = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

SCORE = looks.HoldoutScore(
    version="v1",
    trades=61,
    wins=30,
    net=Decimal("-118.20400000"),
    net_low=Decimal("-402.11000000"),
    net_high=Decimal("171.90500000"),
    sharpe=Decimal("-0.41000000"),
    sharpe_low=None,
    sharpe_high=None,
    passes_gate=False,
)
REPORT = looks.TestReport(
    days=21,
    trades=48,
    wins=29,
    net=Decimal("312.40510000"),
    sharpe=Decimal("1.84210000"),
    fit_trades=102,
    fit_net=Decimal("640.00000000"),
    fit_sharpe=Decimal("1.91000000"),
    champion_trades=51,
    champion_net=Decimal("-95.12000000"),
    champion_sharpe=Decimal("-0.60000000"),
    slipped_net=Decimal("201.55000000"),
    neighbours=14,
    neighbours_lost=1,
    neighbours_net=Decimal("288.00000000"),
    p_value=Decimal("0.01200000"),
    deflated=Decimal("0.97310000"),
    tries=83,
    overfitting=None,
)
PATTERN = looks.LossPattern(
    code="STOP_TOO_TIGHT",
    group="ranging",
    count=17,
    share=Decimal("0.56666667"),
    effect=Decimal("0.24100000"),
    low=Decimal("0.06000000"),
    high=None,
    significant=True,
)

# (event class, what all events have, its own fields)
IMPROVEMENT: Sequence[tuple[type[Event], dict[str, Any], dict[str, Any]]] = (
    (
        improvement.ImprovementSet,
        asked(improvement.STREAM, "improve-1"),
        {
            "author": "llm",
            "candidates": 16,
            "seed": 1,
            "auto_promote": False,
            "trades": 5,
            "bars": 10,
            "growth": Decimal("0.05"),
            "least_days": 60,
            "most_days": 4000,
            "holdout_from": NOON + 20 * DAY,
            "knows_until": None,
        },
    ),
    (
        looks.LossesAnalysed,
        derived(STRATEGY),
        {
            "number": 1,
            "version": "v1",
            "start": NOON - 90 * DAY,
            "until": NOON - 22 * DAY,
            "trades": 64,
            "losses": 30,
            "net": Decimal("-412.00310000"),
            "patterns": (PATTERN,),
            "report_sha": SHA,
        },
    ),
    (
        looks.RecodeRequested,
        derived(STRATEGY, f"{STRATEGY}@9"),
        {
            "number": 1,
            "version": "v1",
            "why": "losses",
            "start": NOON - 90 * DAY,
            "split": NOON - 22 * DAY,
            "test_from": NOON - 21 * DAY,
            "end": NOON,
            "closed": 64,
            "attempts": 3,
        },
    ),
    (
        llm.LlmCalled,
        {**asked(llm.STREAM, "call-1"), "actor": "engine"},
        {
            "purpose": "recode",
            "outcome": "refused",
            "code": "LLM_JUNK",
            "detail": "line 1: found a “fence”, expected JSON",
            "strategy": "vwap_reversion",
            "number": 1,
            "symbol": "",
            "model": "small-1",
            "temperature": 0.2,
            "seed": None,
            "prompt_sha": SHA,
            "response_sha": OTHER,
            "prompt_tokens": 4211,
            "completion_tokens": 902,
            "cost": Decimal("0.01532100"),
            "latency_ms": 8120,
            "called_at": NOON + 1,
        },
    ),
    (
        looks.RecodeAnswered,
        {**asked(STRATEGY, "look-1"), "actor": "engine"},
        {
            "number": 1,
            "author": "llm",
            "candidates": ("v2", "v3"),
            "refused": ("NOT_PARSED: line 3, found a loop",),
            "scored": 80,
            "tokens": 10_226,
            "cost": Decimal("0.03064200"),
        },
    ),
    (
        looks.RecodeFailed,
        {**asked(STRATEGY, "look-2"), "actor": "engine"},
        {
            "number": 2,
            "author": "llm",
            "code": "LLM_TIMEOUT",
            "reason": "no answer within 60 s",
            "refused": ("DOES_NOT_COMPILE: 3:1 found a loop",),
            "scored": 0,
            "tokens": 0,
            "cost": Decimal(0),
        },
    ),
    (
        looks.VersionTested,
        derived(STRATEGY, f"{STRATEGY}@11"),
        {
            "number": 1,
            "version": "v2",
            "passed": False,
            "failures": ("TEST_NOT_BETTER", "TEST_NEIGHBOURS"),
            "report": REPORT,
            "digest": OTHER,
        },
    ),
    (
        looks.VersionRetired,
        derived(STRATEGY),
        {"version": "v1", "reason": "crowded"},
    ),
    (
        looks.HoldoutOpened,
        {**asked(STRATEGY, "holdout"), "actor": "engine"},
        {
            "start": NOON + 20 * DAY,
            "end": NOON + 40 * DAY,
            "rows": {"BTC-USDT": 28_799, "ETH-USDT": 28_800},
            "sha256": {"BTC-USDT": SHA, "ETH-USDT": OTHER},
        },
    ),
    (looks.HoldoutScored, derived(STRATEGY), {"scores": (SCORE,)}),
    (
        regime.RegimeClassified,
        {**asked("regime/binance/BTC-USDT", "regime-1"), "actor": "engine"},
        {
            "venue": "binance",
            "symbol": "BTC-USDT",
            "regime": "weak_bear",
            "trend": "down",
            "volatility": "high",
            "risk_mode": "off",
            "confidence": Decimal("0.7"),
            "by": "llm:small-1",
            "until": NOON + 7_260_000,
            "forced": False,
            "tokens": 812,
            "cost": Decimal("0.00081200"),
        },
    ),
    (
        regime.RegimeLayerSet,
        {**asked(regime.STREAM, "home"), "correlation_id": "home", "actor": "operator"},
        {"layer": "llm"},
    ),
    (
        regime.RegimeRefreshAsked,
        asked(regime.STREAM, "classify-1"),
        {"symbols": ("BTC-USDT",), "everything": False, "reason": "news – “big”"},
    ),
)
