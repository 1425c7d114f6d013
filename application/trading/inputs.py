"""What comes from outside besides bars: strategy files and operators' commands.

Each becomes INPUT events at once, effective from the next base bar, with what follows from them
written behind. A command that the domain forbids changes nothing.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from msgspec import Struct

from application.trading.by_hand import rolled_back, submitted
from application.trading.desk import Desk
from application.trading.kernel import Program
from application.trading.run import PAPER, start
from domain.cause import Cause
from domain.errors import InvalidCommand, NothingToFlatten, UnknownCommand, UnknownStrategy
from domain.event import Event
from domain.gate import Tally
from domain.ids import command_correlation, live_account, strategy_stream
from domain.improvement import Policy, SetImprovement
from domain.regime import AskRefresh, Layer, SetLayer
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy
from domain.tightening import Tighten

HOME = "home"  # correlates what a home opens with
TIGHTEN, FLATTEN, CLASSIFY = "tighten", "flatten", "classify"


class Order(Struct, frozen=True, kw_only=True):
    """What an operator wants."""

    name: str
    strategy: str  # "" for all of them, or for none
    actor: str
    command_id: str
    reason: str = ""
    until: int | None = None
    limit: str = ""
    value: Decimal | None = None
    program: Program | None = None  # submit, rollback: what is to be authored
    parameters: Mapping[str, float] = {}
    version: str = ""  # rollback: to which
    symbol: str = ""  # classify: "" for all of them


def register(desk: Desk, name: str, program: Program, actor: str) -> list[Event]:
    """Take up a strategy that the home does not know yet, from the next bar."""
    at = desk.next_bar
    cause = Cause(HOME, "", actor, at, at)
    desk.strategies[name] = Strategy(stream=strategy_stream(name))
    desk.ask(name, ask.Register(cause=cause, strategy=name, description=program.docstring))
    author = ask.AuthorVersion(
        cause=cause,
        source_sha=program.source_sha,
        parameters={p.name: float(p.default) for p in program.parameters},
        timeframe=program.timeframe,
        author="seed",
    )
    desk.ask(name, author)
    version = desk.strategies[name].versions[-1]
    because = Cause(HOME, version.authored_by, "engine", at)
    activate = ask.ActivateVersion(cause=because, version=version.name, from_bar=at)
    (activated,) = desk.ask(name, activate)
    run = start(desk.kernel, name, version, program, desk.markets, desk.base_ms, desk.limits, at)
    desk.add(run)
    opened = Cause(HOME, activated.event_id, "engine", at)
    for sleeve, account in zip(PAPER, run.accounts, strict=False):
        desk.open_account(run, account, opened, "paper", sleeve)
    return desk.take_events()


def improve(desk: Desk, policy: Policy, actor: str) -> list[Event]:
    """Have strategies improved under a policy, from the next bar; nothing where it holds."""
    at = desk.next_bar
    desk.improve(SetImprovement(cause=Cause(HOME, "", actor, at, at), policy=policy))
    return desk.take_events()


def classify_by(desk: Desk, layer: Layer, actor: str) -> list[Event]:
    """Have markets classified by somebody from the next bar; nothing where it is so."""
    at = desk.next_bar
    desk.classify(SetLayer(cause=Cause(HOME, "", actor, at, at), layer=layer))
    return desk.take_events()


def command(desk: Desk, order: Order) -> list[Event]:
    """Carry out an operator's command. Raises `domain.errors.Forbidden`, having changed nothing."""
    at = desk.next_bar
    cause = Cause(command_correlation(order.command_id), "", order.actor, at, at)
    if order.name == TIGHTEN:
        desk.tighten(tightening(order, cause))
        return desk.take_events()
    if order.name == CLASSIFY:
        desk.classify(refresh(desk, order, cause))
        return desk.take_events()
    if order.name not in (*REQUESTS, *WRITERS):
        raise UnknownCommand(order.name, (*REQUESTS, *WRITERS, TIGHTEN, CLASSIFY))
    if order.name == FLATTEN and not order.strategy:
        flatten_all(desk, order, cause)
        return desk.take_events()
    if order.strategy not in desk.strategies:
        raise UnknownStrategy(order.strategy, desk.strategies)
    if order.name in WRITERS:
        WRITERS[order.name](desk, order, cause)
    else:
        request = REQUESTS[order.name](desk, order, cause)
        desk.go_live(order.strategy, desk.ask(order.strategy, request))
    return desk.take_events()


def tightening(order: Order, cause: Cause) -> Tighten:
    if order.value is None:
        raise InvalidCommand("value", None, "a number")
    return Tighten(cause=cause, name=order.limit, value=order.value, reason=order.reason)


def refresh(desk: Desk, order: Order, cause: Cause) -> AskRefresh:
    known = desk.regimes.symbols
    if order.symbol and order.symbol not in known:
        raise InvalidCommand("symbol", order.symbol, f"one of: {', '.join(known)}")
    return AskRefresh(
        cause=cause,
        symbols=(order.symbol,) if order.symbol else known,
        everything=not order.symbol,
        reason=order.reason,
    )


def flatten_all(desk: Desk, order: Order, cause: Cause) -> None:
    """Flatten every strategy that is not flat; one that is registered later begins as usual."""
    names = [n for n, s in sorted(desk.strategies.items()) if not s.flat and s.status != "retired"]
    if not names:
        raise NothingToFlatten
    for name in names:
        desk.ask(name, ask.Flatten(cause=cause, reason=order.reason, scope="home"))


def promotion(desk: Desk, order: Order, cause: Cause) -> ask.Command:
    asked = desk.strategies[order.strategy].next_live
    run = None if asked is None else desk.run_of(order.strategy, asked.name)
    gated = None if run is None else run.gated.portfolio
    ruined = run is not None and any(account.portfolio.ruined for account in run.accounts)
    return ask.RequestPromotion(
        cause=cause,
        reason=order.reason,
        account=live_account(order.strategy),
        tally=Tally() if gated is None else gated.tally,
        open_nets=() if gated is None else gated.open_nets(),
        ruined=ruined,
    )


def submit(desk: Desk, order: Order, cause: Cause) -> None:
    submitted(desk, order.strategy, program_of(order), order.parameters, order.reason, cause)


def roll_back(desk: Desk, order: Order, cause: Cause) -> None:
    program, back = program_of(order), order.version
    rolled_back(desk, order.strategy, program, order.parameters, back, order.reason, cause)


def program_of(order: Order) -> Program:
    if order.program is None:
        raise InvalidCommand("source", None, "a strategy's text")
    return order.program


def pause(desk: Desk, order: Order, cause: Cause) -> ask.Command:
    return ask.Pause(cause=cause, reason=order.reason, until=order.until)


def resume(desk: Desk, order: Order, cause: Cause) -> ask.Command:
    return ask.Resume(cause=cause, reason=order.reason)


def flatten(desk: Desk, order: Order, cause: Cause) -> ask.Command:
    return ask.Flatten(cause=cause, reason=order.reason)


def demote(desk: Desk, order: Order, cause: Cause) -> ask.Command:
    return ask.Demote(cause=cause, reason=order.reason)


REQUESTS: Mapping[str, Callable[[Desk, Order, Cause], ask.Command]] = {
    "promote": promotion,
    "pause": pause,
    "resume": resume,
    "demote": demote,
    FLATTEN: flatten,
}

WRITERS: Mapping[str, Callable[[Desk, Order, Cause], None]] = {
    "submit": submit,
    "rollback": roll_back,
}
