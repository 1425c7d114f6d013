"""What improving came to in one finished home, as the tables of docs/improvement.md.

Everything is read from the home's log: looks, verdicts and their figures, the sealed end. Nothing
is computed anew, and nothing is left out: strategies for which nothing held stand there as such.
"""

import argparse
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from api.home_log import read_log
from api.processes.home import Home
from domain.event import Event
from domain.ids import strategy_stream
from domain.strategy.events import MarkedReady, PromotedToLive, VersionActivated, VersionRejected
from domain.strategy.improvement import (
    HoldoutScore,
    HoldoutScored,
    LossesAnalysed,
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    TestReport,
    VersionTested,
)


@dataclass
class Course:
    """What a strategy's stream tells."""

    name: str
    looks: int = 0
    failed: int = 0
    scored: int = 0
    ruined: int = 0
    tested: int = 0
    champion: str = "v1"
    ready: list[str] = field(default_factory=list)
    promoted: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    losses: LossesAnalysed | None = None  # of the last look
    last: TestReport | None = None  # of the last candidate tested
    proof: dict[str, TestReport] = field(default_factory=dict)  # of accepted versions
    best: TestReport | None = None  # of the last look: the highest ratio before the split
    holdout: dict[str, HoldoutScore] = field(default_factory=dict)
    number: int = 0


def take(course: Course, event: Event) -> None:
    match event:
        case RecodeRequested(number=number):
            course.looks, course.number, course.best = course.looks + 1, number, None
        case LossesAnalysed():
            course.losses = event
        case RecodeAnswered(scored=scored):
            course.scored += scored
        case RecodeFailed(scored=scored):
            course.failed, course.scored = course.failed + 1, course.scored + scored
        case VersionTested():
            tested(course, event)
        case HoldoutScored(scores=scores):
            course.holdout = {score.version: score for score in scores}
        case _:
            became(course, event)


def became(course: Course, event: Event) -> None:
    match event:
        case VersionActivated(mode="paper", version=version) if version != "v1":
            course.champion = version
            course.accepted.append(version)
        case VersionRejected(stage="paper"):
            course.ruined += 1
        case MarkedReady(version=version):
            course.ready.append(version)
        case PromotedToLive(version=version):
            course.promoted.append(version)
        case _:
            return


def tested(course: Course, event: VersionTested) -> None:
    course.tested += 1
    course.reasons.update(event.failures)
    course.last = event.report
    if event.passed:
        course.proof[event.version] = event.report
    before = course.best
    if before is None or (event.report.fit_sharpe or -99) > (before.fit_sharpe or -99):
        course.best = event.report


def number(value: Decimal | None, form: str = ".1f") -> str:
    return "–" if value is None else format(value, form)


def between(low: Decimal | None, high: Decimal | None, form: str = ",.0f") -> str:
    return "–" if low is None or high is None else f"{low:{form}} … {high:{form}}"


def counts(courses: list[Course]) -> None:
    print("| strategy | looks | sets scored | candidates tested | accepted | rejected | ruined |")
    print("|---|---|---|---|---|---|---|")
    for each in courses:
        accepted = len(each.accepted)
        print(
            f"| `{each.name}` | {each.looks} | {each.scored:,} | {each.tested:,} | {accepted} |"
            f" {each.tested - len(each.proof):,} | {each.ruined} |"
        )
    total = [sum(getattr(each, n) for each in courses) for n in ("looks", "scored", "tested")]
    accepted = sum(len(each.accepted) for each in courses)
    rejected = sum(each.tested - len(each.proof) for each in courses)
    ruined = sum(each.ruined for each in courses)
    print(
        f"| **all** | {total[0]} | {total[1]:,} | {total[2]:,} | {accepted} | {rejected:,} |"
        f" {ruined} |"
    )
    reasons = sum((each.reasons for each in courses), Counter[str]())
    print("\nRejected by reason (a candidate may fail several):")
    print(", ".join(f"`{code}` {count:,}" for code, count in reasons.most_common()))


def figures(courses: list[Course]) -> None:
    print(
        "\n| strategy, version | in sample: trades, net | walk-forward: trades, net, Sharpe |"
        " sealed: trades, won | sealed net (95 %) | sealed Sharpe (95 %) | gate |"
    )
    print("|---|---|---|---|---|---|---|")
    for each in courses:
        for version in dict.fromkeys(("v1", each.champion)):
            print(f"| `{each.name}` {version} | {known(each, version)} |")


def known(course: Course, version: str) -> str:
    proof, last, losses = course.proof.get(version), course.last, course.losses
    if version == course.champion and losses is not None and last is not None:
        fit = f"{losses.trades:,}, {losses.net:,.0f}"
        walk = f"{last.champion_trades:,}, {last.champion_net:,.0f}, {number(last.champion_sharpe)}"
    elif proof is not None:
        fit = f"{proof.fit_trades:,}, {proof.fit_net:,.0f}"
        walk = f"{proof.trades:,}, {proof.net:,.0f}, {number(proof.sharpe)}"
    else:
        fit = walk = "–"
    score = course.holdout.get(version)
    if score is None:
        return f"{fit} | {walk} | – | – | – | –"
    won = f"{score.wins / score.trades:.0%}" if score.trades else "–"
    net = f"{score.net:,.0f} ({between(score.net_low, score.net_high)})"
    ratio = f"{number(score.sharpe)} ({between(score.sharpe_low, score.sharpe_high, '.1f')})"
    gate = "passed" if score.passes_gate else "no"
    return f"{fit} | {walk} | {score.trades:,}, {won} | {net} | {ratio} | {gate}"


def best(courses: list[Course]) -> None:
    print(
        "\n| strategy, last look | best candidate before the split: trades, Sharpe | in the test |"
    )
    print("|---|---|---|")
    for each in courses:
        report = each.best
        if report is not None:
            print(
                f"| `{each.name}` | {report.fit_trades:,}, {number(report.fit_sharpe)} |"
                f" {report.trades:,} trades, net {report.net:,.0f},"
                f" Sharpe {number(report.sharpe)} |"
            )


def main() -> None:
    """Print the tables of one home."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    log = read_log(Home(parser.parse_args().home))
    try:
        prefix = strategy_stream("")
        courses = [Course(name.removeprefix(prefix)) for name in log.streams(prefix)]
        for course in courses:
            for event in log.stream(strategy_stream(course.name)):
                take(course, event)
    finally:
        log.close()
    counts(courses)
    figures(courses)
    best(courses)
    ready, promoted = (sum(len(getattr(c, n)) for c in courses) for n in ("ready", "promoted"))
    print(f"\nVersions that passed the gate: {ready}; promoted: {promoted}")


if __name__ == "__main__":
    main()
