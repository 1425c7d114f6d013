"""One strategy version: its program, its kernel state and its accounts, each on all symbols.

Every run has three lanes: sleeve A (1×), sleeve B (8×) and `live`, which follows B's rules. The
live lane runs from the first bar with its entries off, so that a promotion changes a control word
and nothing else: its series are warm and its next bar is the next bar. Its records count only while
its account exists.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from application.kernel_rows import limits_row, market_row
from application.trading.book import Account, Market
from application.trading.kernel import Kernel, Lane, Program, Runner
from domain.event import Mode
from domain.ids import account_stream, live_account, paper_account
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE, Limits
from domain.money import to_units
from domain.portfolio.aggregate import Portfolio
from domain.strategy.aggregate import Strategy, Version
from kernels.dtypes import ENTRIES_OFF, FLATTEN

PAPER = tuple(sorted(SLEEVE_LEVERAGE))  # A, B
GATED = "B"  # the sleeve whose trades the gate judges
LIVE = "live"
LANES = (*PAPER, LIVE)


class Said(Struct, frozen=True):
    """What a version last said about a symbol."""

    event: str = ""  # id of the SignalRaised
    stop: Decimal | None = None  # distance that it planned, quote


class Run:
    """One version, running."""

    def __init__(
        self,
        strategy: str,
        version: Version,
        program: Program,
        runner: Runner,
        markets: Sequence[Market],
        accounts: Sequence[Account],
        first_bar: int,
    ) -> None:
        self.strategy = strategy
        self.version = version.name
        self.program = program
        self.runner = runner
        self.markets = tuple(markets)
        self.accounts = tuple(accounts)
        self.first_bar = first_bar  # open of the first base bar it sees; part of its identity
        self.said = [Said() for _ in self.markets]
        self.saved = runner.state()

    @property
    def key(self) -> tuple[str, str]:
        """Strategy, version: the order of runs inside a step."""
        return self.strategy, self.version

    @property
    def gated(self) -> Account:
        """The account whose trades the gate judges."""
        return self.accounts[LANES.index(GATED)]

    @property
    def live(self) -> Account:
        """The live account."""
        return self.accounts[LANES.index(LIVE)]

    def hold(self, limits: Limits) -> None:
        """Hold every account to other limits from the next bar on."""
        row = limits_row(limits)
        self.runner.limit([row] * len(LANES))

    def controls(self, strategy: Strategy, holder: str) -> list[int]:
        """Say to each lane what the inputs say about it.

        `holder` is the version that the live account's state is with, until it was handed over.
        """
        version = strategy.find(self.version)
        halted = strategy.status in ("paused", "retired")
        retired = version is None or version.rejected
        if strategy.flat:
            return [ENTRIES_OFF | FLATTEN] * len(LANES)
        judged = version is None or version.retired or (retired and self.replaced(strategy))
        words = [
            ENTRIES_OFF if halted or judged or account.stopped else 0
            for account in self.accounts[: len(PAPER)]
        ]
        if strategy.live != self.version or holder != self.version:
            return [*words, ENTRIES_OFF | FLATTEN]
        off = halted or retired or self.live.stopped
        return [*words, ENTRIES_OFF if off else 0]

    def replaced(self, strategy: Strategy) -> bool:
        """Tell whether another version took its place."""
        return self.version not in (strategy.champion, strategy.live)

    @property
    def idle(self) -> bool:
        """Whether its paper accounts hold nothing, and no order of theirs is out."""
        paper = [account.portfolio for account in self.accounts[: len(PAPER)]]
        return not any(state.positions or state.orders for state in paper)

    def mode(self, strategy: Strategy) -> Mode:
        """Say whether this version trades live."""
        return "live" if strategy.live == self.version else "paper"


def start(
    kernel: Kernel,
    strategy: str,
    version: Version,
    program: Program,
    markets: Sequence[Market],
    base_ms: int,
    limits: Limits,
    first_bar: int,
) -> Run:
    """Set up a version's run from its first bar, with accounts that are not open yet."""
    capital = float(to_units(SLEEVE_CAPITAL))
    row = limits_row(limits)
    lanes = [Lane(leverage(sleeve), capital, row, sleeve == PAPER[0]) for sleeve in LANES]
    rows = [market_row(market.instrument) for market in markets]
    runner = kernel.runner(program, version.parameters, rows, base_ms, lanes)
    accounts = [Account(Portfolio(stream=stream_of(strategy, version.name, s))) for s in LANES]
    return Run(strategy, version, program, runner, markets, accounts, first_bar)


def stream_of(strategy: str, version: str, sleeve: str) -> str:
    if sleeve == LIVE:
        return account_stream(live_account(strategy))
    return paper_account(strategy, version, sleeve)


def leverage(sleeve: str) -> int:
    return SLEEVE_LEVERAGE[GATED if sleeve == LIVE else sleeve]
