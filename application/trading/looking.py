"""When a strategy's losses are looked at, and what is found: between two steps, at UTC midnights.

A look is a pure function of bars and events before it, so it is DERIVED, and always at the same
place in the log however bars were cut. What an author makes of it comes from outside.
"""

from application.improvement.losses.analysis import losses_of
from application.improvement.losses.trade_contexts import trades_of
from application.improvement.study import Cut, cut, next_look, purge_of
from application.trading.desk import Desk
from application.trading.kernel import as_kernel
from application.trading.run import Run
from domain import watch
from domain.cause import Cause
from domain.ids import step_correlation
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy
from domain.strategy.improvement import Why
from domain.timeframe import DAY, milliseconds


def look(desk: Desk) -> None:
    """Look at every strategy that is due, now that a step is over."""
    if desk.improvement.policy is None:
        return
    for name in sorted(desk.strategies):
        why = due(desk, desk.strategies[name])
        run = desk.run_of(name, desk.strategies[name].champion)
        if why is not None and run is not None:
            request(desk, run, why)


def due(desk: Desk, strategy: Strategy) -> Why | None:
    """Tell why a strategy is to be looked at now; None: it is not."""
    policy, now = desk.improvement.policy, desk.next_bar
    if policy is None or not improvable(strategy):
        return None
    if called(desk, strategy):
        return "watch"
    run = desk.run_of(strategy.name, strategy.champion)
    if run is None or now % DAY or now < earliest(desk, strategy, run):
        return None
    version = strategy.find(strategy.champion)
    if version is not None and version.rejected:
        return "ruined"
    asked = strategy.asked
    before = asked.closed if asked is not None and asked.version == strategy.champion else 0
    closed = run.gated.portfolio.tally.trades
    return "losses" if closed - before >= policy.trades else None


def called(desk: Desk, strategy: Strategy) -> bool:
    """Tell whether the watch calls for a look that may be had at once."""
    live = desk.live.get(strategy.name)
    if desk.improvement.policy is None or live is None or not strategy.live:
        return False
    if watch.alarm(live.watch)[0] != "improve":
        return False
    return improvable(strategy) and first_possible(desk) <= desk.next_bar


def improvable(strategy: Strategy) -> bool:
    """Tell whether a strategy may be looked at: not while an answer is out, or all is over."""
    over = strategy.unsealed or strategy.status in ("retired", "unregistered")
    return not over and strategy.waiting is None


def earliest(desk: Desk, strategy: Strategy, run: Run) -> int:
    """Give the midnight (ms) before which a strategy is not looked at."""
    policy = desk.improvement.policy
    if policy is None:
        raise ValueError("policy was none, must be in force")
    timeframe = milliseconds(run.program.timeframe)
    return next_look(policy, desk.first_bar, strategy.asked, timeframe)


def first_possible(desk: Desk) -> int:
    """Give the midnight (ms) from which on there is a history to look at."""
    policy = desk.improvement.policy
    return 0 if policy is None else next_look(policy, desk.first_bar, None, 0)


def request(desk: Desk, run: Run, why: Why) -> None:
    """Tell what the champion loses by, and ask for something better."""
    policy = desk.improvement.policy
    strategy = desk.strategies[run.strategy]
    version = strategy.find(run.version)
    if policy is None or version is None:
        raise ValueError(f"policy and version of {run.strategy} were none, must be known")
    end = desk.next_bar // DAY * DAY
    known = cut(policy, desk.first_bar, end, 0)
    program = as_kernel(run.program)
    trades = trades_of(
        program,
        version.parameters,
        desk.history.between(known.start, known.split),
        [market.instrument for market in desk.markets],
        desk.limits,
        desk.base_ms,
        start=known.start,
        until=known.split,
        told=desk.regimes.told(),
    )
    found = losses_of(trades)
    longest = max((trade.exit_at - trade.entry_at for trade in trades), default=0)
    whole: Cut = cut(policy, desk.first_bar, end, purge_of(program, longest))
    bar = desk.next_bar - desk.base_ms
    desk.ask(
        run.strategy,
        ask.RequestRecode(
            cause=Cause(step_correlation(bar), "", "engine", desk.next_bar),
            why=why,
            start=whole.start,
            split=whole.split,
            test_from=whole.test_from,
            end=whole.end,
            closed=run.gated.portfolio.tally.trades,
            trades=found.trades,
            losses=found.losses,
            net=found.net,
            patterns=found.patterns,
            report_sha=desk.keep(found.report),
        ),
    )
    live = desk.live.get(run.strategy)
    if why == "watch" and live is not None:
        live.watch = watch.called(live.watch)
