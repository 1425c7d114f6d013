"""Versions that an operator writes: submitted and tested, or rolled back to.

Both are refused where they would trade as the champion does, before anything is written. Either is
an INPUT with what follows from it behind, and is replayed from its source in the log.
"""

from collections.abc import Mapping

from application.improvement.change import changed
from application.improvement.proving import judge
from application.improvement.study import cut, purge_of
from application.improvement.written import Draft
from application.trading.desk import Desk
from application.trading.kernel import Program, as_kernel
from application.trading.recoding import activate, conclude, ground_of, subject
from application.trading.replies import ROLLED_BACK, SUBMITTED, worded
from application.trading.run import Run
from domain.cause import Cause
from domain.errors import InvalidCommand, NoChange
from domain.improvement import Policy
from domain.strategy import commands as ask
from domain.strategy.aggregate import Version
from domain.timeframe import DAY


def submitted(
    desk: Desk,
    name: str,
    program: Program,
    parameters: Mapping[str, float],
    reason: str,
    cause: Cause,
) -> None:
    """Author an operator's version, test it on the history as it is, activate it if it holds.

    An operator may know every bar, so its test proves less than that of an author who could not.
    Raises `domain.errors.Forbidden`, having changed nothing.
    """
    champion, run = champion_of(desk, name)
    refuse_unchanged(name, champion, run, program, parameters)
    hypothesis = worded(SUBMITTED, reason)
    version = author(desk, name, program, parameters, champion.name, hypothesis, cause)
    draft = Draft(program=as_kernel(program), parameters=parameters, hypothesis=hypothesis)
    own, theirs = subject(run.program, champion.parameters), subject(program, parameters)
    policy = desk.improvement.policy or Policy()
    purge = max(purge_of(as_kernel(each), DAY) for each in (run.program, program))
    known = cut(policy, desk.first_bar, desk.next_bar // DAY * DAY, purge)
    tries = desk.strategies[name].attempts
    judged = judge(ground_of(desk, known), own, [theirs], tries, f"{name}/{version.name}")
    conclude(desk, name, 0, [version.name], (draft,), judged, cause.correlation_id)


def rolled_back(
    desk: Desk,
    name: str,
    program: Program,
    parameters: Mapping[str, float],
    to: str,
    reason: str,
    cause: Cause,
) -> None:
    """Author an earlier version anew and activate it at once, whatever became of it.

    Raises `domain.errors.Forbidden`, having changed nothing.
    """
    champion, run = champion_of(desk, name)
    refuse_unchanged(name, champion, run, program, parameters)
    hypothesis = worded(f"{ROLLED_BACK}{to}", reason)
    version = author(desk, name, program, parameters, to, hypothesis, cause)
    because = Cause(cause.correlation_id, version.authored_by, "engine", desk.next_bar)
    activate(desk, name, version.name, program, because)


def champion_of(desk: Desk, name: str) -> tuple[Version, Run]:
    champion = desk.strategies[name].find(desk.strategies[name].champion)
    run = desk.run_of(name, desk.strategies[name].champion)
    if champion is None or run is None:
        raise InvalidCommand("strategy", name, "one with an active version")
    return champion, run


def refuse_unchanged(
    name: str, champion: Version, run: Run, program: Program, parameters: Mapping[str, float]
) -> None:
    before, after = as_kernel(run.program), as_kernel(program)
    same = changed(before, champion.parameters, after, parameters)
    if same:
        raise NoChange(name, champion.name, same.partition(": ")[2])


def author(
    desk: Desk,
    name: str,
    program: Program,
    parameters: Mapping[str, float],
    parent: str,
    hypothesis: str,
    cause: Cause,
) -> Version:
    desk.ask(
        name,
        ask.AuthorVersion(
            cause=cause,
            source_sha=as_kernel(program).source_sha,
            parameters=dict(parameters),
            timeframe=program.timeframe,
            author="operator",
            parent=parent,
            hypothesis=hypothesis,
        ),
    )
    desk.keep(as_kernel(program).text.encode())
    return desk.strategies[name].versions[-1]
