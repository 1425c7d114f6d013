"""One short story of the improvement loop, told by hand, so that every figure of it is known.

`fade` v1 loses 20 in two trades of sleeve B. Look 1 brings two versions that fail their test, look
2 brings v4, which passes, is accepted and earns 9 in three trades, look 3 times out. Then v4 is
ruined.
"""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from application.ports import Batch
from domain.event import Event
from domain.ids import position_id, strategy_stream
from domain.llm import LlmCalled
from domain.portfolio.events import AccountOpened, PositionClosed
from domain.regime import RegimeClassified, stream
from domain.strategy import events
from domain.strategy.improvement import (
    HoldoutOpened,
    HoldoutScored,
    LossesAnalysed,
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionTested,
)
from tests.fakes import MemoryLog
from tests.improvement_samples import report, score

NOON = 1_735_732_800_000  # 2025-01-01T12:00:00Z
HOUR = 3_600_000
SYMBOL = "BTC-USDT"
FADE = strategy_stream("fade")
OTHER = "never written"

V1 = '''"""Buys dips – “crudely”."""
from kernels.language import *

timeframe("15m")
length = param(20, 5, 100)  # bars
depth = param(0.001, -0.5, 0.1)

mean = sma(close, length)


def entry():
    if close < mean * (1 - depth):
        return long(tag="dip", confidence=0.6)
    return FLAT


def exits():
    return plan(stop=2 * atr(14), target=2 * atr(14), max_bars=8)
'''
V4 = V1.replace("max_bars=8", "max_bars=16")
PROMPT = "Write one that loses less.\n"
RESPONSE = b'{"candidates": [\x1b[31m\xff]}'
HYPOTHESIS = "Dips come back\nlater than after eight bars."


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


BLOBS: Mapping[str, bytes] = {
    digest(content): content for content in (V1.encode(), V4.encode(), PROMPT.encode(), RESPONSE)
}


class Teller:
    """Numbers the events of each stream, at a time that may be moved on."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.versions: dict[str, int] = {}
        self.at = NOON

    def tell(self, made: type[Event], of: str, /, **fields: Any) -> None:
        self.versions[of] = self.versions.get(of, 0) + 1
        given: dict[str, Any] = {
            "stream": of,
            "stream_version": self.versions[of],
            "kind": "derived",
            "occurred_at": self.at,
            "correlation_id": f"step/{self.at}",
            "actor": "engine",
        }
        self.events.append(made(**(given | fields)))

    def author(self, version: str, parent: str | None, text: str, **fields: Any) -> None:
        given: dict[str, Any] = {
            "kind": "input",
            "version": version,
            "source_sha": digest(text.encode()),
            "parameters": {"length": 20.0, "depth": 0.001},
            "timeframe": "15m",
            "author": "seed" if parent is None else "llm",
            "parent": parent,
            "hypothesis": "" if parent is None else HYPOTHESIS,
            "tokens": 0,
            "cost": Decimal(0),
        }
        self.tell(events.VersionAuthored, FADE, **(given | fields))

    def activate(self, version: str) -> None:
        self.tell(events.VersionActivated, FADE, mode="paper", version=version, from_bar=self.at)
        for sleeve, leverage in (("A", 1), ("B", 8)):
            self.tell(
                AccountOpened,
                f"portfolio/paper/fade/{version}/{sleeve}",
                mode="paper",
                strategy="fade",
                version=version,
                sleeve=sleeve,
                leverage=leverage,
                capital=Decimal(17_000),
            )

    def trade(self, version: str, net: str, entry_at: int, sleeve: str = "B") -> None:
        account = f"portfolio/paper/fade/{version}/{sleeve}"
        self.tell(
            PositionClosed,
            account,
            position_id=position_id(account, entry_at, SYMBOL),
            symbol=SYMBOL,
            side="long",
            quantity=Decimal("0.125"),
            entry_at=entry_at,
            exit_at=self.at,
            entry_price=Decimal(40_000),
            exit_price=Decimal(40_010),
            gross=Decimal(net),
            fees=Decimal(0),
            slippage=Decimal(0),
            funding=Decimal(0),
            net=Decimal(net),
            reason="target",
            tag="dip",
            mae=Decimal(0),
            mfe=Decimal(0),
            bars=4,
        )

    def call(self, cost: str, **fields: Any) -> None:
        given: dict[str, Any] = {
            "kind": "input",
            "purpose": "recode",
            "outcome": "answered",
            "code": "",
            "detail": "",
            "strategy": "fade",
            "number": 0,
            "symbol": "",
            "model": "small-1",
            "temperature": 0.2,
            "seed": None,
            "prompt_sha": digest(PROMPT.encode()),
            "response_sha": digest(RESPONSE),
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "cost": Decimal(cost),
            "latency_ms": 1001,
            "called_at": NOON,
        }
        self.tell(LlmCalled, "llm", **(given | fields))

    def look(self, number: int, champion: str) -> None:
        self.tell(
            LossesAnalysed,
            FADE,
            number=number,
            version=champion,
            start=NOON - 90 * 24 * HOUR,
            until=NOON - 30 * 24 * HOUR,
            trades=2,
            losses=1,
            net=Decimal("-20.00000000"),
            patterns=(),
            report_sha=digest(PROMPT.encode()),
        )
        self.tell(
            RecodeRequested,
            FADE,
            number=number,
            version=champion,
            why="losses",
            start=NOON - 90 * 24 * HOUR,
            split=NOON - 30 * 24 * HOUR,
            test_from=NOON - 29 * 24 * HOUR,
            end=NOON,
            closed=2,
            attempts=1,
        )

    def answer(self, number: int, candidates: tuple[str, ...], **fields: Any) -> None:
        given: dict[str, Any] = {
            "kind": "input",
            "number": number,
            "author": "llm",
            "candidates": candidates,
            "refused": (),
            "scored": len(candidates),
            "tokens": 110,
            "cost": Decimal("0.05"),
        }
        self.tell(RecodeAnswered, FADE, **(given | fields))

    def test(self, number: int, version: str, *failures: str) -> None:
        self.tell(
            VersionTested,
            FADE,
            number=number,
            version=version,
            passed=not failures,
            failures=failures,
            report=report(100),
            digest=digest(b"daily"),
        )
        if failures:
            self.tell(
                events.VersionRejected,
                FADE,
                version=version,
                stage="validation",
                reasons=failures,
            )

    def regime(self, regime: str, by: str, since: int, until: int) -> None:
        self.tell(
            RegimeClassified,
            stream("binance", SYMBOL),
            kind="input",
            effective_at=since,
            venue="binance",
            symbol=SYMBOL,
            regime=regime,
            trend="flat",
            volatility="normal",
            risk_mode="neutral",
            confidence=Decimal("0.5"),
            by=by,
            until=until,
            forced=False,
            tokens=0,
            cost=Decimal(0),
        )


def story() -> list[Event]:
    """Tell the story."""
    teller = Teller()
    teller.tell(
        events.StrategyRegistered, FADE, kind="input", strategy="fade", description="Buys dips."
    )
    teller.author("v1", None, V1)
    teller.activate("v1")
    teller.trade("v1", "10", NOON - HOUR)
    teller.trade("v1", "-30", NOON)
    teller.trade("v1", "999", NOON, sleeve="A")
    first_look(teller)
    second_look(teller)
    teller.look(3, "v4")
    teller.call("0", outcome="failed", code="LLM_TIMEOUT", number=3, response_sha="")
    teller.tell(
        RecodeFailed,
        FADE,
        kind="input",
        number=3,
        author="llm",
        code="LLM_TIMEOUT",
        reason="no answer within 60 s",
        refused=("DOES_NOT_COMPILE: 1:1 found a loop",),
        scored=0,
        tokens=0,
        cost=Decimal(0),
    )
    teller.tell(events.VersionRejected, FADE, version="v4", stage="paper", reasons=("ruined in B",))
    teller.tell(
        HoldoutOpened,
        FADE,
        kind="input",
        start=NOON,
        end=NOON + HOUR,
        rows={SYMBOL: 60},
        sha256={SYMBOL: digest(b"bars")},
    )
    teller.tell(HoldoutScored, FADE, scores=(score("v1", -120), score("v4", 80)))
    return teller.events


def first_look(teller: Teller) -> None:
    teller.look(1, "v1")
    teller.call("0.02", number=1, outcome="refused", code="LLM_JUNK", detail="no \x1b[31m JSON")
    teller.call("0.03", number=1, purpose="repair", called_at=NOON + 12 * HOUR)
    teller.answer(1, ("v2", "v3"), refused=("NOT_PARSED: line 3", "NOT_PARSED: line 9"))
    teller.author("v2", "v1", OTHER, cost=Decimal("0.05"))
    teller.author("v3", "v1", OTHER)
    teller.test(1, "v2", "TEST_TRADES", "TEST_NOT_BETTER")
    teller.test(1, "v3", "TEST_TRADES")


def second_look(teller: Teller) -> None:
    teller.look(2, "v1")
    teller.call("0.05", number=2)
    teller.answer(2, ("v4",), cost=Decimal("0.05"))
    parameters = {"length": 33.0, "depth": -0.25}
    teller.author("v4", "v1", V4, parameters=parameters, cost=Decimal("0.05"))
    teller.test(2, "v4")
    teller.activate("v4")
    for net in ("5", "7", "-3"):
        teller.trade("v4", net, NOON)
    teller.call("0.01", strategy="", purpose="regime", symbol=SYMBOL)


def told(events_of: list[Event]) -> MemoryLog:
    """Give a log of these events, with the texts that the story's cite."""
    log = MemoryLog()
    log.append(Batch(events=events_of, blobs=BLOBS))
    return log
