"""Where an author works: its brief, its bench, and what is made of what it writes.

Everything a look needs is put together at the request and is a value from then on, so that an
answer may take its time in a thread of its own while trading goes on. Candidates are judged here
too: verdicts depend on the request and the candidates alone, and replay makes them again.
"""

import logging
from decimal import Decimal

from msgspec import Struct, structs

from application.improvement.admission import Known, admit, shown
from application.improvement.authoring import Answer, Author, Brief
from application.improvement.proving import Ground, Subject, judge
from application.improvement.workbench import Workbench
from application.improvement.written import Draft, Written
from domain.strategy.events import Author as Kind

NO_CANDIDATE = "NO_CANDIDATE"
RAISED = "AUTHOR_RAISED"
NOT_JUDGED = "NOT_JUDGED"
SHOWN = 3  # refusals told in a reason

logger = logging.getLogger("perpetua.improvement")


class Job(Struct, frozen=True, kw_only=True):
    """One look that waits for an answer."""

    brief: Brief
    ground: Ground
    champion: Subject
    past: tuple[Known, ...]  # versions that a candidate must differ from, beside the champion
    attempts: int  # parameter sets scored for the strategy before


def work(job: Job, author: Author) -> Written:
    """Have an author answer, admit its candidates, and judge them."""
    brief, ground = job.brief, job.ground
    bench = Workbench(
        brief.strategy, ground.cut, ground.stretch, ground.settings, ground.threads, ground.told
    )
    try:
        answer = author.write(brief, bench)
    except Exception as error:  # a fault of ours costs a look, not the loop
        logger.exception("author failed", extra={"strategy": brief.strategy})
        answer = Answer(author=author.kind, code=RAISED, reason=shown(error))
    if answer.code:
        return failed(brief, answer, author.kind, answer.code, answer.reason)
    try:
        return judged(job, answer, bench, author.kind)
    except Exception as error:  # the answer and what it cost is recorded, and no verdict
        logger.exception("candidates not judged", extra={"strategy": brief.strategy})
        return failed(brief, answer, author.kind, NOT_JUDGED, shown(error))


def judged(job: Job, answer: Answer, bench: Workbench, author: Kind) -> Written:
    """Admit what an author wrote, and judge it."""
    brief, ground = job.brief, job.ground
    own = Known(brief.version, job.champion.program, job.champion.parameters)
    admission = admit([own, *job.past], answer.candidates, bench.compile, brief.candidates)
    refused = (*answer.refused, *admission.refused)
    if not admission.admitted:
        words = "; ".join(refused[:SHOWN]) or "it wrote none"
        answer = structs.replace(answer, refused=refused)
        return failed(brief, answer, author, NO_CANDIDATE, words)
    drafts = tuple(
        Draft(
            program=each.program,
            parameters=each.parameters,
            hypothesis=each.candidate.hypothesis,
        )
        for each in admission.admitted
    )
    subjects = [Subject(draft.program, draft.parameters) for draft in drafts]
    tries = job.attempts + max(answer.scored, len(subjects))
    seed = f"{brief.strategy}/{brief.number}"
    return Written(
        strategy=brief.strategy,
        number=brief.number,
        author=author,
        drafts=drafts,
        refused=refused,
        scored=answer.scored,
        calls=answer.calls,
        tokens=tokens_of(answer),
        cost=cost_of(answer),
        judged=judge(ground, job.champion, subjects, tries, seed),
    )


def failed(brief: Brief, answer: Answer, author: Kind, code: str, reason: str) -> Written:
    return Written(
        strategy=brief.strategy,
        number=brief.number,
        author=author,
        refused=answer.refused,
        scored=answer.scored,
        calls=answer.calls,
        code=code,
        reason=reason,
        tokens=tokens_of(answer),
        cost=cost_of(answer),
    )


def tokens_of(answer: Answer) -> int:
    return sum(call.prompt_tokens + call.completion_tokens for call in answer.calls)


def cost_of(answer: Answer) -> Decimal:
    return sum((call.cost for call in answer.calls), Decimal(0))


def void(written: Written, code: str, reason: str) -> Written:
    """Give an answer that came too late to count: what it was asked under no longer holds.

    Its candidates were scored all the same.
    """
    return Written(
        strategy=written.strategy,
        number=written.number,
        author=written.author,
        refused=written.refused,
        scored=max(written.scored, len(written.drafts)),
        calls=written.calls,
        code=code,
        reason=reason,
        tokens=written.tokens,
        cost=written.cost,
    )
