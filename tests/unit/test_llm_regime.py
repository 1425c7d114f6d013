"""A model's regime is one of the words that were asked for, or none; the rule is the kernel's."""

import json
from decimal import Decimal
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.improvement.model.budget import Spent
from application.improvement.regimes.by_model import (
    NAMES,
    Classified,
    Figures,
    Unclassified,
    classify,
    regime_by_rule,
)
from domain.regime import CODES, Regime
from tests.indicator_programs import interpreted
from tests.kernel_runs import walk
from tests.llm_recording import FIGURES
from tests.llm_samples import CAPS, chat, nothing_spent
from tests.llm_server import Behaviour, LlmServer, says, status

SAID = {
    "regime": "weak_bear",
    "trend": "down",
    "volatility": "high",
    "risk_mode": "off",
    "confidence": 0.755,
}


def classified(
    behaviour: Behaviour, figures: Figures = FIGURES, **changes: Any
) -> tuple[Any, Any, LlmServer]:
    with LlmServer(behaviour) as server:
        given: dict[str, Any] = {"caps": CAPS, "spent": nothing_spent, **changes}
        result, call = classify(chat(server.url), figures, "BTC-USDT", **given)
    return result, call, server


def test_regime_when_the_model_names_one_then_it_is_told_with_the_call() -> None:
    result, call, server = classified(says(json.dumps(SAID)))

    assert result == Classified(
        regime="weak_bear",
        trend="down",
        volatility="high",
        risk_mode="off",
        confidence=Decimal("0.76"),
        by="llm:scripted-1",
    )
    assert (call.purpose, call.outcome) == ("regime", "answered")
    assert json.loads(call.prompt) == json.loads(server.requests[0])["messages"]
    assert call.cost > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"regime": "moon"}, "regime was not one of"),
        ({"regime": 2}, "regime was not one of"),
        ({"regime": ["weak_bear"]}, "regime was not one of"),
        ({"trend": None}, "trend was not one of"),
        ({"trend": "up"}, "the trend goes against the regime"),
        ({"volatility": "HIGH"}, "volatility was not one of"),
        ({"risk_mode": "all in"}, "risk_mode was not one of"),
        ({"confidence": 1.01}, "confidence was not"),
        ({"confidence": -1}, "confidence was not"),
        ({"confidence": float("nan")}, "confidence was not"),
        ({"confidence": 10**400}, "confidence was not"),
        ({"confidence": "0.9"}, "confidence was not"),
        ({"confidence": True}, "confidence was not"),
    ],
)
def test_regime_when_the_model_says_anything_else_then_it_classifies_nothing(
    changes: dict[str, Any], words: str
) -> None:
    result, call, _ = classified(says(json.dumps({**SAID, **changes})))

    assert isinstance(result, Unclassified)
    assert result.code == call.code == "LLM_SCHEMA"
    assert call.outcome == "refused"
    assert words in result.reason


def test_regime_when_the_call_fails_then_the_code_is_told() -> None:
    result, call, _ = classified(status(401))

    assert (result.code, call.outcome, call.code) == ("LLM_REFUSED", "failed", "LLM_REFUSED")


def test_regime_when_a_cap_is_reached_or_a_figure_missing_then_nobody_is_asked() -> None:
    used = Spent(tokens=CAPS.tokens_per_day)
    missing = Figures(
        timeframe="1h", close=1.0, ema20=1.0, ema50=float("nan"), adx=1.0, atr_percentile=1.0
    )

    for result, call, server in (
        classified(says("{}"), spent=lambda day: used),
        classified(says("{}"), figures=missing),
    ):
        assert result.code in ("LLM_BUDGET", "REGIME_FIGURE_MISSING")
        assert call is None
        assert server.requests == []


def test_rule_when_beside_the_kernels_then_it_says_the_same_at_every_bar() -> None:
    series = "e20 = ema(close, 20)\ne50 = ema(close, 50)\nrank = percentile_rank(atr(14), 100)"
    bars = walk(2_000, seed=5)
    told = interpreted(["market_regime()", "adx(14)"], bars, series)

    seen = set()
    for at in range(len(bars)):
        figures = Figures(
            timeframe="1m",
            close=float(bars["close"][at]),
            ema20=float(told["e20"][at]),
            ema50=float(told["e50"][at]),
            adx=float(told["adx"][at]),
            atr_percentile=float(told["rank"][at]),
        )
        by_kernel, by_rule = told["market_regime"][at], regime_by_rule(figures)
        if np.isnan(by_kernel):
            assert by_rule is None
        else:
            assert by_rule is not None
            assert CODES[by_rule.regime] == by_kernel
            seen.add(by_rule.regime)
    assert seen == set(get_args(Regime))


@given(
    st.floats(1, 1e6),
    st.floats(1, 1e6),
    st.floats(1, 1e6),
    st.floats(0, 100),
    st.floats(0, 100),
)
def test_rule_when_figures_are_any_then_its_words_agree_with_each_other(
    close: float, ema20: float, ema50: float, adx: float, percentile: float
) -> None:
    found = regime_by_rule(
        Figures(
            timeframe="1h",
            close=close,
            ema20=ema20,
            ema50=ema50,
            adx=adx,
            atr_percentile=percentile,
        )
    )

    assert found is not None
    side = "up" if "bull" in found.regime else "down" if "bear" in found.regime else "flat"
    assert found.trend == side
    assert 0 <= found.confidence <= 1
    assert found.risk_mode != ("off" if side == "up" else "on" if side == "down" else "")


def test_codes_when_named_then_they_are_the_domains() -> None:
    assert {name: code for code, name in NAMES.items()} == CODES
