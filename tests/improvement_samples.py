"""The improvement loop's part of a made-up history: looks, calls, verdicts, regimes, the holdout.

It draws from a chance of its own, so that the rest of a history stays as it was. Every request is
answered or fails before the strategy's next one, as the domain has it.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any

from domain import llm
from domain.event import Event
from domain.ids import position_id, strategy_stream
from domain.improvement import STREAM, ImprovementSet, Policy
from domain.llm import LlmCalled
from domain.portfolio.events import AccountOpened, PositionClosed
from domain.regime import CODES, RegimeClassified, stream
from domain.strategy.events import VersionActivated, VersionAuthored, VersionRejected
from domain.strategy.improvement import (
    HoldoutOpened,
    HoldoutScore,
    HoldoutScored,
    LossesAnalysed,
    LossPattern,
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    TestReport,
    VersionRetired,
    VersionTested,
)

HOUR = 3_600_000
DAY = 24 * HOUR
CENT = Decimal("0.00000001")
SHA = "ef" * 32
TREND = {"bull": "up", "bear": "down", "ranging": "flat"}

Make = Callable[..., Event]


class Loop:
    """Makes the loop's events, a look or a classification at a time."""

    def __init__(self, seed: int, make: Make, symbol: str) -> None:
        self.random = Random(seed)  # noqa: S311 -- a repeatable history, not a secret
        self.make = make
        self.symbol = symbol
        self.looks: dict[str, int] = {}
        self.versions: dict[str, int] = {}  # the last number given
        self.accepted: dict[str, str] = {}
        self.unsealed: set[str] = set()

    def decide(self) -> Event:
        policy = {name: getattr(Policy(), name) for name in Policy.__struct_fields__}
        return self.input(ImprovementSet, STREAM, **policy)

    def input(self, made: type[Event], of: str, /, **fields: Any) -> Event:
        return self.make(made, of, kind="input", **fields)

    def step(self, strategy: str, at: int) -> Iterator[Event]:
        chance = self.random.random()
        if chance < 0.12:
            yield from self.regime(at)
        if chance > 0.9 and strategy not in self.unsealed:
            yield from self.look(strategy, at)
        elif chance > 0.88 and strategy in self.accepted:
            yield self.retire(strategy)
        elif chance > 0.873 and strategy not in self.unsealed and strategy in self.accepted:
            yield from self.unseal(strategy, at)

    def regime(self, at: int) -> Iterator[Event]:
        by = self.random.choice(("rule", "llm:small-1"))
        if by != "rule":
            yield self.call(at, purpose="regime", symbol=self.symbol)
        regime = self.random.choice(tuple(CODES))
        yield self.input(
            RegimeClassified,
            stream("binance", self.symbol),
            effective_at=at + 60_000,
            venue="binance",
            symbol=self.symbol,
            regime=regime,
            trend=TREND[regime.rpartition("_")[2]],
            volatility="normal",
            risk_mode="neutral",
            confidence=Decimal("0.75"),
            by=by,
            until=at + 2 * HOUR,
            forced=self.random.random() < 0.1,
            tokens=0 if by == "rule" else 812,
            cost=Decimal(0) if by == "rule" else Decimal("0.00081200"),
        )

    def call(self, at: int, **about: Any) -> Event:
        outcome, code = self.random.choice(
            (("answered", ""), ("answered", ""), ("refused", "LLM_JUNK"), ("failed", "LLM_TIMEOUT"))
        )
        fields: dict[str, Any] = {
            "purpose": "recode",
            "outcome": outcome,
            "code": code,
            "detail": "" if outcome == "answered" else "nothing usable came",
            "strategy": "",
            "number": 0,
            "symbol": "",
            "model": "small-1",
            "temperature": 0.2,
            "seed": self.random.choice((None, 7)),
            "prompt_sha": SHA,
            "response_sha": "" if outcome == "failed" else SHA,
            "prompt_tokens": 700,
            "completion_tokens": self.random.randint(0, 400),
            "cost": self.random.randint(0, 10**6) * CENT,
            "latency_ms": self.random.randint(200, 4000),
            "called_at": at + 5 * DAY,
        }
        return self.input(LlmCalled, llm.STREAM, **(fields | about))

    def look(self, strategy: str, at: int) -> Iterator[Event]:
        of, champion = strategy_stream(strategy), self.accepted.get(strategy, "v1")
        number = self.looks[strategy] = self.looks.get(strategy, 0) + 1
        yield self.analysis(of, number, champion, at)
        yield self.make(
            RecodeRequested,
            of,
            number=number,
            version=champion,
            why=self.random.choice(("losses", "watch", "ruined")),
            start=at - 60 * DAY,
            split=at - 20 * DAY,
            test_from=at - 19 * DAY,
            end=at,
            closed=12,
            attempts=61,
        )
        author = self.random.choice(("llm", "search"))
        if author == "llm":
            for purpose in self.random.choice((("recode",), ("recode", "repair"))):
                yield self.call(at, purpose=purpose, strategy=strategy, number=number)
        told = {
            "number": number,
            "author": author,
            "scored": self.random.randint(0, 60),
            "tokens": 1500,
            "cost": self.random.randint(0, 10**6) * CENT,
        }
        if self.random.random() < 0.2:
            refused = ("PARAMETER: width was 9",) * self.random.randint(0, 2)
            told |= {"code": "LLM_TIMEOUT", "reason": "60 s passed", "refused": refused}
            yield self.input(RecodeFailed, of, **told)
        else:
            yield from self.answer(strategy, champion, told, at)

    def analysis(self, of: str, number: int, champion: str, at: int) -> Event:
        pattern = LossPattern(
            code="STOP_TOO_TIGHT",
            group="ranging",
            count=9,
            share=Decimal("0.45000000"),
            effect=Decimal("0.21000000"),
            low=Decimal("0.05000000"),
            high=None,
            significant=True,
        )
        return self.make(
            LossesAnalysed,
            of,
            number=number,
            version=champion,
            start=at - 60 * DAY,
            until=at - 20 * DAY,
            trades=40,
            losses=20,
            net=self.random.randint(-(10**10), 10**10) * CENT,
            patterns=(pattern,) * self.random.randint(0, 2),
            report_sha=SHA,
        )

    def answer(
        self, strategy: str, champion: str, told: dict[str, Any], at: int
    ) -> Iterator[Event]:
        of, last = strategy_stream(strategy), self.versions.get(strategy, 2)
        names = tuple(f"v{last + 1 + n}" for n in range(self.random.randint(1, 3)))
        self.versions[strategy] = last + len(names)
        refused = ("NOT_PARSED: line 3, found a loop",) * self.random.randint(0, 1)
        yield self.input(RecodeAnswered, of, candidates=names, refused=refused, **told)
        for name in names:
            yield self.input(
                VersionAuthored,
                of,
                version=name,
                source_sha=SHA,
                parameters={"width": 2.5, "lookback": 30.0},
                timeframe="15m",
                author=told["author"],
                parent=champion,
                hypothesis="a wider stop is hit by noise less often",
                tokens=1500 // len(names),
                cost=told["cost"] if name == names[0] else Decimal(0),
            )
        passed = [self.random.random() < 0.5 for _ in names]
        for name, well in zip(names, passed, strict=True):
            yield from self.test(of, told["number"], name, well)
        if any(passed):
            yield from self.accept(strategy, names[passed.index(True)], at)

    def test(self, of: str, number: int, version: str, passed: bool) -> Iterator[Event]:
        codes = ("TEST_NOT_BETTER", "TEST_TRADES", "TEST_NEIGHBOURS")
        failures = () if passed else tuple(self.random.sample(codes, self.random.randint(1, 3)))
        yield self.make(
            VersionTested,
            of,
            number=number,
            version=version,
            passed=passed,
            failures=failures,
            report=report(self.random.randint(-500, 900)),
            digest=SHA,
        )
        if failures:
            yield self.make(
                VersionRejected, of, version=version, stage="validation", reasons=failures
            )

    def accept(self, strategy: str, version: str, at: int) -> Iterator[Event]:
        of = strategy_stream(strategy)
        self.accepted[strategy] = version
        yield self.make(VersionActivated, of, mode="paper", version=version, from_bar=at)
        for sleeve, leverage in (("A", 1), ("B", 8)):
            account = f"portfolio/paper/{strategy}/{version}/{sleeve}"
            yield self.make(
                AccountOpened,
                account,
                mode="paper",
                strategy=strategy,
                version=version,
                sleeve=sleeve,
                leverage=leverage,
                capital=Decimal(17_000),
            )
            for entered in range(self.random.randint(0, 3)):
                yield self.trade(account, at - entered * HOUR, at)
        if self.random.random() < 0.15:
            yield self.make(
                VersionRejected, of, version=version, stage="paper", reasons=("ruined",)
            )

    def trade(self, account: str, entry_at: int, exit_at: int) -> Event:
        net = self.random.randint(-(10**10), 10**10) * CENT
        return self.make(
            PositionClosed,
            account,
            position_id=position_id(account, entry_at, self.symbol),
            symbol=self.symbol,
            side="short",
            quantity=Decimal("0.125"),
            entry_at=entry_at,
            exit_at=exit_at,
            entry_price=Decimal("40010.0"),
            exit_price=Decimal("40000.0"),
            gross=net,
            fees=Decimal(0),
            slippage=Decimal(0),
            funding=Decimal(0),
            net=net,
            reason="target",
            tag="above_band",
            mae=Decimal("-1.00000000"),
            mfe=Decimal("2.00000000"),
            bars=4,
        )

    def retire(self, strategy: str) -> Event:
        return self.make(
            VersionRetired,
            strategy_stream(strategy),
            version="v1",
            reason=self.random.choice(("trades", "crowded")),
        )

    def unseal(self, strategy: str, at: int) -> Iterator[Event]:
        self.unsealed.add(strategy)
        of = strategy_stream(strategy)
        yield self.input(
            HoldoutOpened,
            of,
            start=at,
            end=at + 20 * DAY,
            rows={self.symbol: 28_800},
            sha256={self.symbol: SHA},
        )
        scores = (score("v1", -120), score(self.accepted[strategy], 80))
        yield self.make(HoldoutScored, of, scores=scores)


def report(net: int) -> TestReport:
    """Give a test's figures around a net."""
    return TestReport(
        days=20,
        trades=31,
        wins=17,
        net=Decimal(net),
        sharpe=Decimal("0.81000000"),
        fit_trades=64,
        fit_net=Decimal("412.50000000"),
        fit_sharpe=Decimal("1.10000000"),
        champion_trades=40,
        champion_net=Decimal("-310.00000000"),
        champion_sharpe=None,
        slipped_net=Decimal(net - 40),
        neighbours=12,
        neighbours_lost=2,
        neighbours_net=Decimal(net - 10),
        p_value=Decimal("0.03100000"),
        deflated=Decimal("0.96000000"),
        tries=61,
        overfitting=None,
    )


def score(version: str, net: int) -> HoldoutScore:
    """Give what a version did on the holdout."""
    return HoldoutScore(
        version=version,
        trades=25,
        wins=13,
        net=Decimal(net),
        net_low=Decimal(net - 300),
        net_high=Decimal(net + 300),
        sharpe=Decimal("0.40000000"),
        sharpe_low=None,
        sharpe_high=None,
        passes_gate=net > 500,
    )
