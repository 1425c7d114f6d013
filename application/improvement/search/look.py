"""One look of the search: what is tried in which order, and which of it was best.

The order is fixed: the champion's rules first, then changed rules, then what is near the best of
both. Nothing that the bench does not say moves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from application.improvement.admission import check, one_line
from application.improvement.authoring import Bench, Brief
from application.improvement.change import Version, shape_of
from application.improvement.ranking import Figures, figures_of
from application.improvement.search import sets as search_sets
from application.improvement.search.draws import Draws
from application.improvement.search.evolution import Values, called_for
from application.improvement.search.mutations import NEW, mutants
from application.improvement.search.sets import Fresh, Source

SETS = 6  # scored for each candidate that is wanted, the champion's own included
FIRST = (2, 5)  # share of them: the champion's rules, before anything else is known
EACH = (1, 7)  # share of them: each mutation
ELITE = 4  # sets that a cross may come from
HEIRS = 4  # the best of the look before, scored once more: where this one begins
READ = 24  # mutations compiled before a look does with fewer


@dataclass(frozen=True)
class Trial:
    """One set that was scored."""

    source: Source
    values: Values  # of all parameters
    figures: Figures
    heir: bool = False  # written at an earlier look: begun from, never written again


@dataclass
class Look:
    """What was tried so far, and what is left to try."""

    brief: Brief
    bench: Bench
    champion: Source
    values: Values  # of the champion
    trials: list[Trial] = field(default_factory=list)
    standing: Figures | None = None  # of the champion; None: not to be told
    dropped: list[str] = field(default_factory=list)  # CODE: what the bench failed on
    scored: int = 0
    seen: list[Version] = field(default_factory=list)  # what no further set may be like

    def search(self) -> None:
        """Try all that the budget has room for."""
        budget = SETS * self.brief.candidates
        self.remember_past()
        self.try_champion(budget * FIRST[0] // FIRST[1])
        for source in self.mutations():
            self.try_mutation(source, max(budget * EACH[0] // EACH[1], 1))
        self.try_near_the_best(budget - self.scored)

    def remember_past(self) -> None:
        for past in self.brief.past:
            found = check(self.brief.text, past.parameters, lambda _: self.champion.program)
            if past.same_source and not isinstance(found, str):
                self.seen.append(self.champion.version(found[1]))

    def try_champion(self, count: int) -> None:
        heirs = self.heirs(min(HEIRS, (count - 1) // 2))
        self.try_out(self.champion, [self.values, *heirs], heirs=True)
        fresh = Fresh(self.champion, self.seen)
        patterns = self.brief.analysis.patterns
        called = called_for(self.brief.text, patterns, self.values, fresh.movable)
        left = count - 1 - len(heirs)
        search_sets.near(fresh, self.best_values(), called, left, self.draws("near"))
        self.try_out(self.champion, fresh.sets)

    def heirs(self, most: int) -> list[Values]:
        """What the last look that came to something wrote of the champion's rules, its best first.

        Never what an operator wrote, who may know the bars that candidates are tested on.
        """
        last = max((past.look for past in self.brief.past), default=0)
        found: list[Values] = []
        for past in self.brief.past if last else ():
            checked = check(self.brief.text, past.parameters, lambda _: self.champion.program)
            if past.look == last and past.same_source and not isinstance(checked, str):
                found.append(checked[1])
        return found[:most]

    def best_values(self) -> Values:
        """The best set so far of the champion's rules, or the champion's own."""
        ranked = [t for t in self.best(1, heirs=True) if t.source is self.champion]
        better = ranked and self.beats_champion(ranked[0].figures)
        return ranked[0].values if better else self.values

    def try_mutation(self, source: Source, count: int) -> None:
        fresh, draws = Fresh(source, self.seen), self.draws(source.name)
        search_sets.on_a_mutation(fresh, self.values, self.best_values(), count, draws)
        self.try_out(source, fresh.sets)

    def try_near_the_best(self, count: int) -> None:
        elite, draws = self.best(ELITE, heirs=True), self.draws("best")
        source = elite[0].source if elite else self.champion
        fresh = Fresh(source, self.seen)
        if elite:
            kin = [trial.values for trial in elite if trial.source is source]
            search_sets.near_the_best(fresh, kin, count, draws)
        else:
            search_sets.anywhere(fresh, self.values, count, draws)
        self.try_out(source, fresh.sets)

    def mutations(self) -> list[Source]:
        """The next mutations that compile and are rules of their own."""
        written = mutants(
            self.brief.text,
            self.brief.analysis.patterns,
            [past.hypothesis for past in self.brief.past],
            Draws(0, f"rules/{self.brief.strategy}"),  # one order for all looks
            self.brief.number,
        )
        found: dict[str, Source] = {}
        for _, mutant in zip(range(READ), written, strict=False):
            compiled = check(mutant.text, {}, self.bench.compile)
            if isinstance(compiled, str):
                continue
            source = Source(compiled[0], shape_of(compiled[0]), mutant)
            if source.shape.digest != self.champion.shape.digest:
                found.setdefault(source.shape.digest, source)
            if len(found) == NEW:
                break
        return list(found.values())

    def draws(self, name: str) -> Draws:
        """A stream of draws of this look alone."""
        return Draws(self.brief.seed, f"{self.brief.strategy}/{self.brief.number}/{name}")

    # What came of it

    def try_out(self, source: Source, sets: Sequence[Values], *, heirs: bool = False) -> None:
        """Score sets of one source; where the bench fails, they are dropped."""
        if not sets:
            return
        try:
            scores = figures_of(self.bench.score(source.program, sets), len(sets))
        except Exception as error:  # one source's failure is not the look's
            words = f"NOT_SCORED: {source.name}: {type(error).__name__}: {error}"
            self.dropped.append(one_line(words))
            return
        self.scored += len(sets)
        for values, figures in zip(sets, scores, strict=True):
            self.seen.append(source.version(values))
            if values is self.values:
                self.standing = figures
            elif figures is not None:
                self.trials.append(Trial(source, values, figures, heirs))

    def best(self, count: int, *, heirs: bool = False) -> list[Trial]:
        """Give the best trials that traded; of equals the one tried first.

        Where all would be of the champion's rules and a mutation was better than the champion, the
        last place is the best such mutation's: rules reach what parameters cannot.
        """
        traded = [t for t in self.trials if t.figures.trades > 0 and (heirs or not t.heir)]
        ranked = sorted(traded, key=lambda trial: trial.figures.worth, reverse=True)  # is stable
        chosen = ranked[:count]
        others = [t for t in ranked if t.source.mutant and self.beats_champion(t.figures)]
        if count > 1 and others and not any(trial.source.mutant for trial in chosen):
            chosen = [*chosen[: count - 1], others[0]]
        return chosen

    def beats_champion(self, figures: Figures) -> bool:
        """Tell whether figures rank above the champion's."""
        return self.standing is None or figures.worth > self.standing.worth

    def failure(self) -> tuple[str, str]:
        """Say why there is no candidate: a code, and words."""
        if not self.scored:
            return "NOT_SCORED", "; ".join(self.dropped) or "there was nothing to score"
        sets = "set" if self.scored == 1 else "sets"
        if not self.trials:
            return "NO_FIGURES", f"of {self.scored} {sets} none but the champion's had figures"
        return "NOTHING_TRADED", f"of {self.scored} {sets} none but the champion's closed a trade"
