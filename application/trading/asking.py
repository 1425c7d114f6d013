"""From a request in the log to an author's job, and who works it when.

On recorded bars an answer holds the feed: the run is a function of its inputs, however long the
author takes. On live bars a thread of its own works, trading goes on, and the answer counts from
the bar after it came.
"""

from concurrent.futures import Future, wait
from functools import partial

from application.improvement.admission import Known
from application.improvement.authoring import Author, Brief, PastVersion
from application.improvement.studio import Job, void, work
from application.improvement.study import asked_for
from application.improvement.written import Written
from application.llm_port import STOPPED
from application.ports import LogReader
from application.trading.aside import aside
from application.trading.checkpoint import compiled
from application.trading.desk import Desk
from application.trading.kernel import as_kernel
from application.trading.recoding import ground_of, subject
from domain.strategy.aggregate import Strategy, Version
from domain.strategy.improvement import LossesAnalysed, RecodeRequested
from kernels.program import Program

PAST = 12  # earlier versions that a candidate must differ from


class AuthorsDesk:
    """Puts jobs together, and works them: at once, or in a thread of its own."""

    def __init__(self, author: Author, *, holds: bool) -> None:
        self.author = author
        self.holds = holds  # whether an answer holds the feed
        self.stopped = False  # a question was given up, and nobody is asked any more
        self._job: Job | None = None
        self._done: Future[Written] | None = None

    def answer(self, desk: Desk, log: LogReader, strategy: str) -> Written:
        """Have a request answered now."""
        gone = self._overtaken(desk, strategy)
        return gone or work(job_of(desk, log, strategy), self.author)

    def collect(self, desk: Desk, log: LogReader) -> Written | None:
        """Give an answer that has come; begin with the next request where there is one."""
        if self.holds or self.stopped:
            return None
        if self._done is None:
            name = next((n for n, s in sorted(desk.strategies.items()) if s.waiting), None)
            if name is not None and log.head() == desk.written:  # what it is told of is durable
                gone = self._overtaken(desk, name)
                if gone is not None:
                    return gone
                self._job = job_of(desk, log, name)
                self._done = aside("author", partial(work, self._job, self.author))
            return None
        if not self._done.done() or self._job is None:
            return None
        job, written = self._job, self._done.result()
        self._job = self._done = None
        return checked(desk, job, written)

    def last(self, desk: Desk, log: LogReader, seconds: float) -> Written | None:
        """Give an answer that comes soon, where it has cost something.

        Any other that is out is asked for again when the home is opened.
        """
        if self._done is not None and self.author.kind == "llm":
            wait([self._done], seconds)
            if self._done.done():
                return self.collect(desk, log)
        self._job = self._done = None
        return None

    def gave_up(self, written: Written) -> bool:
        """Tell whether an answer is none because its author was told to stop."""
        self.stopped = self.stopped or written.code == STOPPED
        return self.stopped

    def _overtaken(self, desk: Desk, name: str) -> Written | None:
        strategy = desk.strategies[name]
        asked = strategy.waiting
        if asked is None or asked.version == strategy.champion:
            return None
        asking = Written(strategy=name, number=asked.number, author=self.author.kind)
        return overtaken(asking, strategy)


def checked(desk: Desk, job: Job, written: Written) -> Written:
    """Void an answer where what it was asked under no longer holds."""
    strategy = desk.strategies[written.strategy]
    if written.code:  # it came to nothing anyway, and says why
        return written
    if strategy.champion != job.brief.version:
        return overtaken(written, strategy)
    if ground_of(desk, job.ground.cut).settings.limits.tobytes() != limits_of(job):
        return void(written, "LIMITS_CHANGED", "a limit was tightened meanwhile")
    return written


def overtaken(written: Written, strategy: Strategy) -> Written:
    return void(written, "CHAMPION_CHANGED", f"the champion is {strategy.champion} by now")


def limits_of(job: Job) -> bytes:
    return bytes(job.ground.settings.limits.tobytes())


def job_of(desk: Desk, log: LogReader, name: str) -> Job:
    """Put a request's job together from the desk and what the log holds of it."""
    strategy = desk.strategies[name]
    asked, policy = strategy.waiting, desk.improvement.policy
    if asked is None or policy is None:
        raise ValueError(f"{name} waits for no answer, must have asked for one")
    champion, run = strategy.find(asked.version), desk.run_of(name, asked.version)
    if champion is None or run is None:
        raise ValueError(f"{asked.version} of {name} is gone, must be the champion")
    analysis = analysis_of(log, strategy, asked)
    program = as_kernel(run.program)
    past = [v for v in strategy.versions if v.name != asked.version]
    return Job(
        brief=Brief(
            strategy=name,
            number=asked.number,
            version=asked.version,
            text=program.text,
            parameters=program.resolve(champion.parameters),
            analysis=analysis,
            report=log.blob(analysis.report_sha),
            past=tuple(told(each, champion, strategy) for each in past),
            symbols=tuple(market.symbol for market in desk.markets),
            candidates=policy.candidates,
            seed=policy.seed,
        ),
        ground=ground_of(desk, asked_for(asked)),
        champion=subject(program, champion.parameters),
        past=tuple(known(desk, log, name, each) for each in past[-PAST:]),
        attempts=asked.attempts,
    )


def analysis_of(log: LogReader, strategy: Strategy, asked: RecodeRequested) -> LossesAnalysed:
    """Find the analysis that a request was made with: the event that caused it."""
    version = int(asked.causation_id.rsplit("@", 1)[1])
    event = next(log.stream(strategy.stream, version - 1))
    if not isinstance(event, LossesAnalysed):
        raise ValueError(f"{asked.event_id} was caused by {event.event_id}, must be an analysis")
    return event


def told(version: Version, champion: Version, strategy: Strategy) -> PastVersion:
    if version.failures:
        outcome = " ".join(version.failures)
    elif version.active_from is None:
        outcome = "passed" if version.passed else "seed"
    else:
        outcome = "live" if version.name == strategy.live else "replaced"
    return PastVersion(
        version=version.name,
        parent=version.parent,
        hypothesis=version.hypothesis,
        parameters=version.parameters,
        same_source=version.source_sha == champion.source_sha,
        look=version.look if version.author in ("search", "llm") else 0,
        outcome=outcome,
    )


def known(desk: Desk, log: LogReader, name: str, version: Version) -> Known:
    program: Program = as_kernel(compiled(desk, log, version.source_sha, name))
    return Known(version.name, program, version.parameters)
