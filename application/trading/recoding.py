"""Answers of authors as events: what was asked of a model, candidates, their verdicts, the winner.

What came from outside is INPUT and stands first, as it came; verdicts and what follows from them
are DERIVED and stand behind, so that replay takes the first from the log and makes the second anew.
A version that is activated begins between two bars, its series warm, in accounts of its own.
"""

from collections.abc import Mapping

from application.improvement.authoring import Call
from application.improvement.proving import Ground, Subject, Verdict, judge
from application.improvement.study import WARM_DAYS, Cut, asked_for
from application.improvement.written import Draft, Written
from application.kernel_rows import limits_row, market_row
from application.ports import moments
from application.trading.desk import JUDGED_AT, Desk
from application.trading.kernel import Program, as_kernel
from application.trading.run import GATED, LANES, PAPER, Run, start
from application.trading.stepping import within
from domain.cause import Cause
from domain.event import Event
from domain.ids import recode_correlation
from domain.limits import SLEEVE_CAPITAL, SLEEVE_LEVERAGE
from domain.llm import STREAM as LLM
from domain.llm import LlmCalled
from domain.money import to_units
from domain.strategy import commands as ask
from domain.strategy.aggregate import Strategy, Version
from domain.strategy.improvement import RecodeRequested
from domain.timeframe import DAY
from kernels.dtypes import ENTRIES_OFF
from kernels.sweep.trials import TrialSettings

YOUNGEST = 8  # replaced versions that go on trading until they are judged
WARM_BLOCK = 1000  # moments at a time

Judgement = tuple[tuple[Verdict, ...], int | None]


def recoded(desk: Desk, written: Written) -> list[Event]:
    """Record an author's answer, judge its candidates, activate the one that won.

    Raises `domain.errors.Forbidden` for an answer that nobody waits for, having changed nothing.
    """
    at = desk.next_bar
    correlation = recode_correlation(written.strategy, written.number)
    cause = Cause(correlation, "", f"author:{written.author}", at, at)
    asked = None
    if written.strategy in desk.strategies:
        asked = desk.strategies[written.strategy].waiting
        desk.ask(written.strategy, ask_of(desk, written, cause))
    for call in written.calls:
        note(desk, call, cause, strategy=written.strategy, number=written.number)
    if written.code or asked is None:
        return desk.take_events()
    names = [v.name for v in desk.strategies[written.strategy].versions[-len(written.drafts) :]]
    judged = written.judged or judge_drafts(desk, asked, written)
    conclude(desk, written.strategy, written.number, names, written.drafts, judged, correlation)
    return desk.take_events()


def given_up(desk: Desk, written: Written) -> list[Event]:
    """Record what an author had asked when it was told to stop; the look waits on."""
    at = desk.next_bar
    correlation = f"{recode_correlation(written.strategy, written.number)}/{desk.llm_calls + 1}"
    cause = Cause(correlation, "", f"author:{written.author}", at, at)
    for call in written.calls:
        note(desk, call, cause, strategy=written.strategy, number=written.number)
    return desk.take_events()


def ask_of(desk: Desk, written: Written, cause: Cause) -> ask.Command:
    if written.code:
        return ask.FailRecode(
            cause=cause,
            number=written.number,
            author=written.author,
            code=written.code,
            reason=written.reason,
            refused=written.refused,
            scored=written.scored,
            tokens=written.tokens,
            cost=written.cost,
        )
    drafts = tuple(
        ask.Draft(
            source_sha=desk.keep(draft.program.text.encode()),
            parameters=dict(draft.parameters),
            timeframe=draft.program.timeframe,
            hypothesis=draft.hypothesis,
        )
        for draft in written.drafts
    )
    return ask.AnswerRecode(
        cause=cause,
        number=written.number,
        author=written.author,
        drafts=drafts,
        refused=written.refused,
        scored=written.scored,
        tokens=written.tokens,
        cost=written.cost,
    )


def note(
    desk: Desk,
    call: Call | LlmCalled,
    cause: Cause,
    *,
    strategy: str = "",
    number: int = 0,
    symbol: str = "",
) -> None:
    """Record one call of a model, prompt and response as they were, with what it was about."""
    desk.llm_calls += 1
    if isinstance(call, LlmCalled):  # as the log has it
        desk.write(call)
        return
    event = LlmCalled(
        stream=LLM,
        stream_version=desk.llm_calls,
        kind="input",
        occurred_at=cause.occurred_at,
        effective_at=cause.effective_at,
        correlation_id=cause.correlation_id,
        actor=cause.actor,
        purpose=call.purpose,
        outcome=call.outcome,
        code=call.code,
        detail=call.detail,
        strategy=strategy,
        number=number,
        symbol=symbol,
        model=call.model,
        temperature=call.temperature,
        seed=call.seed,
        prompt_sha=desk.keep(call.prompt),
        response_sha=desk.keep(call.response) if call.response else "",
        prompt_tokens=call.prompt_tokens,
        completion_tokens=call.completion_tokens,
        cost=call.cost,
        latency_ms=call.latency_ms,
        called_at=call.called_at,
    )
    desk.write(event)


def judge_drafts(desk: Desk, asked: RecodeRequested, written: Written) -> Judgement:
    """Judge candidates as of their request, against the champion of then."""
    champion = desk.strategies[written.strategy].find(asked.version)
    run = desk.run_of(written.strategy, asked.version)
    if champion is None or run is None:
        raise ValueError(f"{asked.version} of {written.strategy} is gone, must be the champion")
    subjects = [subject(draft.program, draft.parameters) for draft in written.drafts]
    tries = asked.attempts + max(written.scored, len(subjects))
    seed = f"{written.strategy}/{written.number}"
    own = subject(run.program, champion.parameters)
    return judge(ground_of(desk, asked_for(asked)), own, subjects, tries, seed)


def subject(program: Program, parameters: Mapping[str, float]) -> Subject:
    compiled = as_kernel(program)
    return Subject(compiled, compiled.resolve(parameters))


def settings_of(desk: Desk) -> TrialSettings:
    """What every account of a test is held to: that of the sleeve which the gate judges."""
    return TrialSettings(
        markets=tuple(market_row(market.instrument) for market in desk.markets),
        limits=limits_row(desk.limits),
        leverage=SLEEVE_LEVERAGE[GATED],
        capital=float(to_units(SLEEVE_CAPITAL)),
        base_ms=desk.base_ms,
    )


def ground_of(desk: Desk, cut: Cut) -> Ground:
    """What candidates are tested on."""
    stretch = desk.history.between(cut.start, cut.end)
    return Ground(cut, stretch, settings_of(desk), desk.threads, desk.regimes.told())


def conclude(
    desk: Desk,
    name: str,
    number: int,
    versions: list[str],
    drafts: tuple[Draft, ...],
    judged: Judgement,
    correlation: str,
) -> None:
    """Record the verdicts of versions just authored; activate the one that won."""
    at = desk.next_bar
    verdicts, won = judged
    tests: list[str] = []
    for version, verdict in zip(versions, verdicts, strict=True):
        authored = desk.strategies[name].find(version)
        cause = Cause(correlation, "" if authored is None else authored.authored_by, "engine", at)
        tested, *_ = desk.ask(
            name,
            ask.RecordTest(
                cause=cause,
                number=number,
                version=version,
                failures=verdict.failures,
                report=verdict.report,
                digest=verdict.digest,
            ),
        )
        tests.append(tested.event_id)
    if won is not None:
        cause = Cause(correlation, tests[won], "engine", at)
        activate(desk, name, versions[won], drafts[won].program, cause)


def activate(desk: Desk, name: str, version: str, program: Program, cause: Cause) -> None:
    """Put a version in the champion's place, from the next bar, in accounts of its own."""
    at, found = desk.next_bar, desk.strategies[name].find(version)
    if found is None:
        raise ValueError(f"{version} of {name} is unknown, must have been authored")
    (activated,) = desk.ask(name, ask.ActivateVersion(cause=cause, version=version, from_bar=at))
    run = warm(desk, name, found, program, at)
    desk.add(run)
    opened = Cause(cause.correlation_id, activated.event_id, "engine", at)
    for sleeve, account in zip(PAPER, run.accounts, strict=False):
        desk.open_account(run, account, opened, "paper", sleeve)
    thin_out(desk, name, opened)


def warm(desk: Desk, name: str, version: Version, program: Program, at: int) -> Run:
    """Set up a version's run that has seen the bars before its first, its accounts untouched."""
    since = max(desk.first_bar, at - WARM_DAYS * DAY)
    run = start(desk.kernel, name, version, program, desk.markets, desk.base_ms, desk.limits, since)
    for symbol, told in enumerate(desk.regimes.told()):
        run.runner.tell(symbol, told)
    stretch = desk.history.between(since, at)
    opens: list[int] = moments(stretch).tolist()
    for first in range(0, len(opens), WARM_BLOCK):
        part = within(stretch, opens, first, min(first + WARM_BLOCK, len(opens)))
        run.runner.run(part, [ENTRIES_OFF] * len(LANES))
    run.saved = run.runner.state()
    return run


def thin_out(desk: Desk, name: str, cause: Cause) -> None:
    """Retire the replaced versions that have traded enough, and the oldest of too many others."""
    strategy = desk.strategies[name]
    trading = [run for run in desk.runs if run.strategy == name and replaced(run, strategy)]
    enough = [run.version for run in trading if run.gated.portfolio.tally.trades >= JUDGED_AT]
    rest = [run.version for run in trading if run.version not in enough]
    rest.sort(key=lambda version: active_from(strategy, version))
    for version in enough:
        desk.ask(name, ask.RetireVersion(cause=cause, version=version, reason="trades"))
    for version in rest[: max(len(rest) - YOUNGEST, 0)]:
        desk.ask(name, ask.RetireVersion(cause=cause, version=version, reason="crowded"))


def replaced(run: Run, strategy: Strategy) -> bool:
    version = strategy.find(run.version)
    judged = version is None or version.retired or version.rejected
    return run.replaced(strategy) and not judged


def active_from(strategy: Strategy, name: str) -> tuple[int, int]:
    version = strategy.find(name)
    since = -1 if version is None or version.active_from is None else version.active_from
    return since, int(name.removeprefix("v"))
