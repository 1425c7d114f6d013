"""The author that asks a language model: one question, one round of mending, and no more.

What a model writes is data. It becomes a candidate only by compiling, with parameters in their
ranges, and by trading unlike the champion; it cannot say anything else. Every call is told with its
prompt and answer as they were; a call that fails scores nothing and changes nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from application.improvement.admission import Admission, Admitted, Known, admit, check
from application.improvement.authoring import Answer, Bench, Brief, Call, Candidate
from application.improvement.model import prompting
from application.improvement.model.answers import CANDIDATES, AnswerInvalid, read_candidates
from application.improvement.model.asking import BUDGET, asked, useless
from application.improvement.model.budget import Caps, Spent, day_of
from application.llm_port import STOPPED, ChatModel, Message
from domain.llm import Purpose
from domain.strategy.events import Author as Kind

TOO_MUCH = "LLM_PROMPT_TOO_LARGE"  # the strategy does not fit in a prompt: nobody was asked
NO_CANDIDATE = "LLM_NO_CANDIDATE"  # an answer, but nothing in it can be tested
MENDABLE = ("DOES_NOT_COMPILE", "PARAMETER")
MOST_WANTED = 6  # candidates: that many whole files have room in an answer
MOST_ANSWER = 8_192  # tokens
SEEDS = 2**31  # seeds that servers take are below

__all__ = ["Caps", "LlmAuthor", "Spent"]


class LlmAuthor:
    """Writes candidates by a model's answers."""

    def __init__(
        self,
        model: ChatModel,
        reference: str,
        caps: Caps,
        spent: Callable[[int], Spent],
        *,
        temperature: float = 0.7,
        seed: int | None = None,
        max_tokens: int = MOST_ANSWER,
    ) -> None:
        """`reference` tells the language; `spent` what recorded calls used on a UTC day (days
        since 1970); calls of this author that it does not know yet are counted besides. Without
        a `seed` the brief's is sent."""
        self._model = model
        self._reference = reference
        self._caps = caps
        self._spent = spent
        self._temperature = temperature
        self._seed = seed
        self._max_tokens = max_tokens
        self._made: list[Call] = []  # today, whether recorded yet or not

    @property
    def kind(self) -> Kind:
        return "llm"

    def write(self, brief: Brief, bench: Bench) -> Answer:
        """Ask for candidates, and once more to mend those that cannot be traded."""
        if brief.candidates < 1:
            reason = f"candidates were {brief.candidates}, must be at least 1"
            return Answer(author="llm", code="NOTHING_WANTED", reason=reason)
        found = check(brief.text, brief.parameters, bench.compile)
        if isinstance(found, str):
            return Answer(author="llm", code="CHAMPION_INVALID", reason=found)
        champion = found[0]
        brief = replace(brief, candidates=min(brief.candidates, MOST_WANTED))
        try:
            messages = prompting.recode(brief, champion, self._reference)
        except prompting.PromptTooLarge as error:
            return Answer(author="llm", code=TOO_MUCH, reason=str(error))
        calls: list[Call] = []
        text = self._ask("recode", messages, brief, calls)
        if isinstance(text, Answer):
            return text
        try:
            written = read_candidates(text, brief.text, brief.parameters)
        except AnswerInvalid as error:
            calls[-1] = useless(calls[-1], error)
            return Answer(author="llm", calls=tuple(calls), code=error.code, reason=str(error))
        known = [Known("the champion", champion, brief.parameters)]
        first = admit(known, written, bench.compile, brief.candidates)
        admitted, refused = list(first.admitted), list(first.refused)
        broken = mendable(written, first)
        if broken and len(admitted) < brief.candidates:
            known += [
                Known(f"candidate {n}", a.program, a.parameters) for n, a in enumerate(admitted, 1)
            ]
            second = self._mend(broken, brief, bench, known, len(admitted), calls)
            if calls[-1].code == STOPPED:
                reason = calls[-1].detail
                return Answer(author="llm", calls=tuple(calls), code=STOPPED, reason=reason)
            admitted += second.admitted
            refused += second.refused
        return Answer(
            author="llm",
            candidates=tuple(map(complete, admitted)),
            refused=tuple(refused),
            calls=tuple(calls),
            code="" if admitted else NO_CANDIDATE,
            reason="" if admitted else nothing_said(refused),
        )

    def _mend(
        self,
        broken: Sequence[prompting.Broken],
        brief: Brief,
        bench: Bench,
        known: Sequence[Known],
        admitted: int,
        calls: list[Call],
    ) -> Admission:
        messages = prompting.repair(broken, brief, known[0].program, self._reference)
        text = self._ask("repair", messages, brief, calls)
        if isinstance(text, Answer):
            return Admission((f"{text.code}: not mended: {text.reason}",))
        try:
            written = read_candidates(text, brief.text, brief.parameters)
        except AnswerInvalid as error:
            calls[-1] = useless(calls[-1], error)
            return Admission((f"{error.code}: not mended: {error}",))
        return admit(known, written, bench.compile, brief.candidates - admitted)

    def _ask(
        self, purpose: Purpose, messages: Sequence[Message], brief: Brief, calls: list[Call]
    ) -> str | Answer:
        """Ask, if the caps allow it: the answer's text, or what is to be said in its place."""
        seed = self._seed if self._seed is not None else brief.seed % SEEDS
        call = asked(
            self._model,
            self._caps,
            self._spent,
            purpose,
            messages,
            schema=CANDIDATES,
            temperature=self._temperature,
            seed=seed,
            max_tokens=self._max_tokens,
            before=self._made,
        )
        if isinstance(call, str):
            return Answer(author="llm", calls=tuple(calls), code=BUDGET, reason=call)
        reply, told = call
        calls.append(told)
        today = day_of(told.called_at)
        self._made = [*(call for call in self._made if day_of(call.called_at) == today), told]
        if reply.outcome != "answered":
            return Answer(author="llm", calls=tuple(calls), code=reply.code, reason=reply.detail)
        return reply.text


def mendable(written: Sequence[object], admission: Admission) -> list[prompting.Broken]:
    """The candidates that do not compile or whose parameters are out of range, with the error."""
    return [
        prompting.Broken(
            candidate.text if isinstance(candidate.text, str) else "",
            parameters_said(candidate.parameters),
            candidate.hypothesis if isinstance(candidate.hypothesis, str) else "",
            verdict,
        )
        for candidate, verdict in zip(written, admission.verdicts, strict=False)
        if isinstance(candidate, Candidate)
        and not isinstance(verdict, Admitted)
        and verdict.partition(":")[0] in MENDABLE
    ]


def parameters_said(parameters: object) -> str:
    if not isinstance(parameters, Mapping):
        return type(parameters).__name__
    plain = {
        str(name): value if isinstance(value, str | int | float) else type(value).__name__
        for name, value in parameters.items()
    }
    return json.dumps(plain, sort_keys=True)


def complete(admitted: Admitted) -> Candidate:
    return Candidate(
        text=admitted.candidate.text,
        parameters=admitted.parameters,
        hypothesis=admitted.candidate.hypothesis,
    )


def nothing_said(refused: Sequence[str]) -> str:
    if not refused:
        return "the answer has no candidates"
    return f"none of {len(refused)} can be tested, the first: {refused[0]}"
