"""Rules changed one at a time, by editing the text: what a search tries beside parameters.

Each mutation is one idea with a key of its own, which the docstring of what comes of it names, as
does its hypothesis: so a later look knows what was tried. Which come first is decided by what the
analysis of losses found, if anything, and then by a seeded order that every look takes up where the
look before left it. The catalogue is told in docs/search-author.md.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from application.improvement.search import entry_mutations as entries
from application.improvement.search import exit_mutations as ways_out
from application.improvement.search.draws import Draws
from application.improvement.search.edits import Edit
from application.improvement.search.manuscript import Manuscript
from domain.strategy.improvement import LossPattern
from kernels.errors import StrategyError

NEW = 2  # mutations a look may try


@dataclass(frozen=True)
class Rule:
    """One way to change a strategy's rules."""

    key: str
    what: str  # the change in a sentence; {} is the variant
    write: Callable[[Manuscript, str], Edit | None]  # None where a text has no place for it
    variants: Callable[[Manuscript], Sequence[str]] | None = None
    cures: tuple[str, ...] = ()  # codes of loss patterns that call for it


@dataclass(frozen=True)
class Mutant:
    """A text with one rule changed; whether it compiles is not known yet."""

    key: str
    text: str
    what: str  # why it should lose less, one sentence
    tuned: tuple[str, ...]  # parameters that it brings


CATALOGUE = (
    Rule("wider_stop", "stops lie further away", ways_out.wider_stop, cures=("STOP_TOO_TIGHT",)),
    Rule(
        "in_ranges",
        "stop and targets are laid in average ranges, so that they widen with the market",
        ways_out.in_ranges,
        cures=("STOP_TOO_TIGHT",),
    ),
    Rule("nearer_target", "targets lie nearer", ways_out.nearer_target, cures=("TARGET_TOO_FAR",)),
    Rule(
        "one_target",
        "one target takes the place of partial ones",
        ways_out.one_target,
        cures=("TARGET_TOO_FAR",),
    ),
    Rule(
        "shorter_hold", "trades are held less long", ways_out.shorter_hold, cures=("HELD_TOO_LONG",)
    ),
    Rule(
        "soft_stop",
        "what has gone nowhere is given up",
        ways_out.soft_stop,
        cures=("HELD_TOO_LONG",),
    ),
    Rule("longer_hold", "trades are held longer", ways_out.longer_hold),
    Rule("add_trail", "the stop follows the best price", ways_out.trail, cures=("TARGET_TOO_FAR",)),
    Rule("no_trail", "the stop follows no more", ways_out.no_trail, cures=("STOP_TOO_TIGHT",)),
    Rule("no_soft_stop", "what goes nowhere is given its time", ways_out.no_soft_stop),
    Rule(
        "avoid",
        "nothing is entered in a {} regime",
        entries.avoid,
        entries.each_regime,
        ("WRONG_REGIME",),
    ),
    Rule(
        "regime_sides",
        "no side is taken against the regime",
        entries.regime_sides,
        cures=("WRONG_REGIME",),
    ),
    Rule(
        "volume_floor",
        "nothing is entered in thin volume",
        entries.volume_floor,
        cures=("THIN_VOLUME",),
    ),
    Rule(
        "volatility_floor",
        "nothing is entered in a market that hardly moves",
        entries.volatility_floor,
        cures=("LOW_VOLATILITY",),
    ),
    Rule(
        "volatility_ceiling",
        "nothing is entered in a market wilder than usual",
        entries.volatility_ceiling,
        cures=("HIGH_VOLATILITY",),
    ),
    Rule(
        "wait_for_turn",
        "an entry waits for a close in its direction",
        entries.wait_for_turn,
        cures=("ENTERED_EARLY",),
    ),
    Rule("without", "{} is entered no more", entries.without_tag, entries.each_tag, ("BAD_TAG",)),
    Rule("only", "only {} trades are entered", entries.one_side, entries.each_side),
    Rule("trend_filter", "no side is taken against a longer average", entries.trend_filter),
    Rule("higher_trend", "no side is taken against a longer timeframe", entries.higher_trend),
    Rule("adx_floor", "nothing is entered without a trend", entries.adx_floor),
    Rule("adx_ceiling", "nothing is entered in a strong trend", entries.adx_ceiling),
    Rule("other_way", "what was bought is sold, and the reverse", entries.other_way),
    Rule("fewer_guards", "guard {} of entries is gone", entries.fewer_guards, entries.each_guard),
    Rule(
        "fewer_conditions",
        "condition {} of entries is gone",
        entries.fewer_conditions,
        entries.each_condition,
    ),
)


def mutants(
    text: str,
    patterns: Sequence[LossPattern],
    past: Sequence[str],
    draws: Draws,
    number: int,
) -> Iterator[Mutant]:
    """Write every mutation of a text that it has a place for, the most promising first.

    Those tried least in the `past` (hypotheses) come first; of them, those that a significant
    pattern calls for, in the patterns' order; then a seeded order, turned on with the number of the
    look. None for a text that does not parse.
    """
    try:
        manuscript = Manuscript(text)
    except StrategyError:
        return
    if {"entry", "exits"} - set(manuscript.functions):
        return
    applied = manuscript.applied
    ways = [
        (rule, variant)
        for rule in CATALOGUE
        for variant in (rule.variants(manuscript) if rule.variants else ("",))
        if key_of(rule, variant) not in applied
    ]
    order = turned(draws.order(len(ways)), NEW * (number - 1))
    tried = Counter(word for said in past for word in set(re.findall(r"\w+", said)))
    called = [called_for(patterns, rule, variant) for rule, variant in ways]
    for at in sorted(
        range(len(ways)), key=lambda w: (tried[key_of(*ways[w])], called[w], order[w])
    ):
        rule, variant = ways[at]
        edit = rule.write(Manuscript(text), variant)  # names are taken as it is written
        if edit is not None:
            yield mutant(
                rule, variant, edit, patterns[called[at]] if called[at] < len(patterns) else None
            )


def turned(order: Sequence[int], by: int) -> list[int]:
    """Ranks moved on by so many places, round the end."""
    return [(rank - by) % len(order) for rank in order]


def called_for(patterns: Sequence[LossPattern], rule: Rule, variant: str) -> int:
    """The place of the first significant pattern that calls for a rule; their number for none."""
    for place, pattern in enumerate(patterns):
        fits = pattern.code in rule.cures and variant in ("", pattern.group.lower())
        if pattern.significant and fits:
            return place
    return len(patterns)


def mutant(rule: Rule, variant: str, edit: Edit, pattern: LossPattern | None) -> Mutant:
    key = key_of(rule, variant)
    what = rule.what.format(variant)
    if pattern is not None:
        about = f" ({pattern.group})" if pattern.group else ""
        losses = "loss shows" if pattern.count == 1 else "losses show"
        what += f", since {pattern.count} {losses} {pattern.code}{about}"
    return Mutant(key, edit.text(f"Changed ({key}): {what}."), what, tuple(edit.tuned))


def key_of(rule: Rule, variant: str) -> str:
    return f"{rule.key}_{variant}" if variant else rule.key
