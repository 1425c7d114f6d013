"""What authors that ask a model are told in tests: a brief, a bench, caps, and answers to give."""

import functools
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from application.improvement.authoring import Brief, PastVersion, Scores
from application.improvement.model import reference
from application.improvement.model.author import LlmAuthor
from application.improvement.model.budget import Caps, Spent
from application.llm_port import ChatModel
from domain.strategy.improvement import LossesAnalysed, LossPattern
from infrastructure.llm.openai_chat import OpenAiChat
from kernels.program import Program, compile_strategy

KEY = "sk-distinctive-7f3a91"
CHAMPION = '''"""Fade closes beyond the VWAP bands."""

timeframe("15m")
lookback = param(20, 5, 100)
width = param(2.0, 0.5, 4.0)

mid = vwap(lookback)
spread = stdev(close - mid, lookback)


def entry():
    if close < mid - width * spread:
        return long(tag="below")
    if close > mid + width * spread:
        return short(tag="above")
    return FLAT


def exits():
    return plan(stop=1.5 * atr(14), target=1.5 * atr(14), max_bars=12)
'''
BETTER = CHAMPION.replace(
    "    if close < mid", "    if regime == STRONG_BEAR:\n        return FLAT\n    if close < mid"
)
BROKEN = CHAMPION.replace("stdev(close - mid, lookback)", "rolling_std(close, lookback)")
CAPS = Caps(
    tokens_per_day=1_000_000,
    dollars_per_day=Decimal(5),
    price_in=Decimal("0.27"),
    price_out=Decimal("1.10"),
)


@functools.cache
def compiled(text: str) -> Program:
    return compile_strategy(text, "fade")


class SampleBench:
    """Compiles; scores nothing, as an author that asks a model never asks it to."""

    def compile(self, text: str) -> Program:
        return compiled(text)

    def score(self, program: Program, sets: Sequence[Mapping[str, float]]) -> Scores:
        raise AssertionError("this author scores nothing")


def pattern(code: str, group: str = "", count: int = 12) -> LossPattern:
    return LossPattern(
        code=code,
        group=group,
        count=count,
        share=Decimal("0.4"),
        effect=Decimal("0.21"),
        low=Decimal("0.05"),
        high=Decimal("0.37"),
        significant=True,
    )


def analysis(*patterns: LossPattern) -> LossesAnalysed:
    return LossesAnalysed(
        stream="strategy/fade",
        stream_version=9,
        kind="derived",
        occurred_at=1_705_000_000_000,
        correlation_id="step/1705000000000",
        actor="engine",
        number=3,
        version="v2",
        start=1_700_000_000_000,
        until=1_705_000_000_000,
        trades=61,
        losses=30,
        net=Decimal("-214.37"),
        patterns=patterns or (pattern("AGAINST_TREND", "strong_bear"), pattern("HOUR", "14")),
        report_sha="0" * 64,
    )


def past(
    number: int, hypothesis: str = "a wider band", outcome: str = "NET, SHARPE"
) -> PastVersion:
    return PastVersion(
        version=f"v{number}",
        parent="v1",
        hypothesis=hypothesis,
        parameters={"width": 2.5, "lookback": 20.0},
        same_source=True,
        outcome=outcome,
    )


def brief(**changes: Any) -> Brief:
    fields: dict[str, Any] = {
        "strategy": "fade",
        "number": 3,
        "version": "v2",
        "text": CHAMPION,
        "parameters": {"lookback": 20.0, "width": 2.0},
        "analysis": analysis(),
        "report": b'{"losses": [{"tag": "below", "regime": "strong_bear", "net": "-12.50"}]}',
        "past": (past(1, outcome="replaced"), past(3), past(4, "a longer average", "DEFLATED")),
        "symbols": ("BTC-USDT",),
        "candidates": 4,
        "seed": 11,
    }
    return Brief(**{**fields, **changes})


def candidate(
    hypothesis: Any = "stand aside in a strong bear market", source: Any = BETTER, **parameters: Any
) -> dict[str, Any]:
    named = [{"name": name, "value": value} for name, value in parameters.items()]
    return {"hypothesis": hypothesis, "source": source, "parameters": named}


def answer(*candidates: Any) -> str:
    return json.dumps({"candidates": list(candidates)})


def nothing_spent(day: int) -> Spent:
    return Spent()


def chat(url: str, **changes: Any) -> OpenAiChat:
    """A real client of a test server, in no mood to wait."""
    given: dict[str, Any] = {"model": "scripted-1", "key": KEY, "timeout": 20.0, "pause": 0.01}
    return OpenAiChat(url=url, **{**given, **changes})


def author(model: ChatModel, caps: Caps = CAPS, **changes: Any) -> LlmAuthor:
    given = {"spent": nothing_spent, **changes}
    return LlmAuthor(model, reference.language(), caps, **given)
