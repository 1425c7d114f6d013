"""The offline author: looks around the champion for parameters and rules that lose less.

It needs no model and no network, so a home without either improves too. What it tries is little on
purpose: every set that was scored makes luck look better, and the tests of candidates take all of
them into account. A pure function of the brief and of the bench's scores. Told in
docs/search-author.md.
"""

from application.improvement.admission import check
from application.improvement.authoring import Answer, Bench, Brief, Candidate
from application.improvement.change import shape_of
from application.improvement.search.look import Look, Trial
from application.improvement.search.sets import Source
from domain.strategy.events import Author as Kind

NAMED = 6  # moves told in a hypothesis


class SearchAuthor:
    """Writes candidates by trying few sets near the champion."""

    @property
    def kind(self) -> Kind:
        return "search"

    def write(self, brief: Brief, bench: Bench) -> Answer:
        """Answer a brief. What goes wrong is an answer with a code, never an exception."""
        if brief.candidates < 1:
            reason = f"candidates were {brief.candidates}, must be at least 1"
            return Answer(author=self.kind, code="NOTHING_WANTED", reason=reason)
        found = check(brief.text, brief.parameters, bench.compile)
        if isinstance(found, str):
            return Answer(author=self.kind, code="CHAMPION_INVALID", reason=found)
        program, values = found
        look = Look(brief, bench, Source(program, shape_of(program)), values)
        look.search()
        best = look.best(brief.candidates)
        code, reason = ("", "") if best else look.failure()
        return Answer(
            author=self.kind,
            candidates=tuple(candidate(look, trial) for trial in best),
            refused=tuple(look.dropped),
            scored=look.scored,
            code=code,
            reason=reason,
        )


def candidate(look: Look, trial: Trial) -> Candidate:
    """Write a trial down, with what changed and what it did before the split."""
    mutant, moved = trial.source.mutant, moves(look, trial)
    changes = [f"{mutant.what} ({mutant.key})"] if mutant else []
    changes += [f"moves {moved}"] if moved else []
    said = "; ".join(changes)
    against = f", the champion {look.standing}" if look.standing else ""
    return Candidate(
        text=trial.source.program.text,
        parameters=dict(trial.values),
        hypothesis=f"{said[:1].upper()}{said[1:]}: before the split {trial.figures}{against}.",
    )


def moves(look: Look, trial: Trial) -> str:
    """Say what moved: from the champion's values, or from what a mutation has as a default."""
    was = trial.source.defaults | look.values
    moved = [
        f"{p.name} from {was[p.name]:.10g} to {trial.values[p.name]:.10g}"
        for p in trial.source.program.parameters
        if trial.values[p.name] != was[p.name]
    ]
    more = len(moved) - NAMED
    told = moved[:NAMED] + ([f"{more} more"] if more > 0 else [])
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
