"""What the history of one strategy amounts to.

`evolve` is total: it never raises and never judges, so that history stays readable when a rule
changes. Every rule is in `decide`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.event import Event
from domain.strategy.events import (
    Author,
    DemotedToPaper,
    Flattened,
    MarkedReady,
    Paused,
    PromotedToLive,
    Resumed,
    Retired,
    StrategyRegistered,
    VersionActivated,
    VersionAuthored,
    VersionRejected,
)
from domain.strategy.improvement import (
    HoldoutOpened,
    RecodeAnswered,
    RecodeFailed,
    RecodeRequested,
    VersionRetired,
    VersionTested,
)

REMEMBERED = 24  # versions kept of those that failed their test: authors are told of them, and
#                  of a look's rather the first, which its author put first

Status = Literal["unregistered", "paper", "ready", "live", "paused", "retired"]


class Version(Struct, frozen=True, kw_only=True):
    """One source with one set of parameters."""

    name: str
    source_sha: str
    parameters: dict[str, float]
    timeframe: str
    authored_by: str  # event id of its VersionAuthored
    author: Author
    look: int = 0  # the last that was asked for when it was written; 0: before the first
    parent: str | None
    hypothesis: str
    active_from: int | None = None  # open of the first base bar it trades on paper
    live_from: int | None = None  # open of the first base bar it trades live
    was_ready: bool = False  # it passed the gate once
    passed: bool = False  # it was tested on bars its author did not know, and held
    failures: tuple[str, ...] = ()  # codes of what it failed its test on
    retired: bool = False  # replaced and judged: it enters nothing more
    rejected: bool = False

    @property
    def proven(self) -> bool:
        """Whether it passed the gate by its own paper trades, and waits to go live."""
        return self.was_ready and not self.rejected and self.live_from is None


class Strategy(Struct, frozen=True, kw_only=True):
    """One strategy; `version` 0 means that its stream is empty."""

    stream: str
    version: int = 0
    name: str = ""
    status: Status = "unregistered"
    resumes_to: Status = "paper"  # what a pause gives back
    paused_until: int | None = None
    flat_from: int | None = None  # bar at which all it holds is closed, until it is resumed
    versions: tuple[Version, ...] = ()
    champion: str = ""  # the version that was activated on paper last
    live: str = ""  # the version that trades live, "" when none does
    account: str = ""  # the live account, kept when it is demoted
    status_event: str = ""  # id of the event that last changed the status
    authored: int = 0  # versions ever authored
    scored: int = 0  # parameter sets scored besides, by authors on their way
    asked: RecodeRequested | None = None  # the last request
    answered: int = 0  # number of the last request that was answered, or failed
    unsealed: bool = False  # the holdout was opened: nothing is improved any more

    @property
    def waiting(self) -> RecodeRequested | None:
        """The request that no author has answered yet."""
        asked = self.asked
        return asked if asked is not None and asked.number > self.answered else None

    @property
    def flat(self) -> bool:
        """Whether all that it holds is to be closed, and nothing entered."""
        return self.flat_from is not None

    @property
    def attempts(self) -> int:
        """How many parameter sets were ever scored for this strategy."""
        return self.authored + self.scored

    @property
    def next_live(self) -> Version | None:
        """The version that a promotion is about.

        The latest that passed the gate, if it is later than all that ever went live; else the
        champion, which the gate has yet to answer.
        """
        proven = [v for v in self.versions if v.proven and self.is_later(v.name)]
        return proven[-1] if proven else self.find(self.champion)

    def is_later(self, name: str) -> bool:
        """Tell whether a version is later than all that ever went live."""
        lived = [number_of(v.name) for v in self.versions if v.live_from is not None]
        return number_of(name) > max(lived, default=0)

    def find(self, name: str) -> Version | None:
        """Find a version by name."""
        return next((version for version in self.versions if version.name == name), None)


def number_of(version: str) -> int:
    """Give the number of a version: 7 of v7."""
    return int(version.removeprefix("v"))


def evolve(state: Strategy, event: Event) -> Strategy:
    """Apply one event; an event of another kind only moves the stream version on."""
    step = EVOLVE.get(type(event))
    if step is not None:
        state = step(state, event)
    return replace(state, version=event.stream_version)


def registered(state: Strategy, event: StrategyRegistered) -> Strategy:
    return replace(state, name=event.strategy, status="paper", status_event=event.event_id)


def authored(state: Strategy, event: VersionAuthored) -> Strategy:
    version = Version(
        name=event.version,
        source_sha=event.source_sha,
        parameters=event.parameters,
        timeframe=event.timeframe,
        authored_by=event.event_id,
        author=event.author,
        look=0 if state.asked is None else state.asked.number,
        parent=event.parent,
        hypothesis=event.hypothesis,
    )
    versions = (*state.versions, version)
    return replace(state, versions=versions, authored=state.authored + 1)


def activated(state: Strategy, event: VersionActivated) -> Strategy:
    if event.mode == "live":
        state = altered(state, event.version, live_from=event.from_bar)
        return replace(state, live=event.version)
    state = altered(state, event.version, active_from=event.from_bar)
    return replace(state, champion=event.version)


def rejected(state: Strategy, event: VersionRejected) -> Strategy:
    state = altered(state, event.version, rejected=True)
    failed = [v for v in state.versions if v.rejected and v.active_from is None]
    if len(failed) <= REMEMBERED:
        return state
    forgotten = min(failed, key=lambda v: (v.look, -number_of(v.name))).name
    return replace(state, versions=tuple(v for v in state.versions if v.name != forgotten))


def requested(state: Strategy, event: RecodeRequested) -> Strategy:
    return replace(state, asked=event)


def answered(state: Strategy, event: RecodeAnswered) -> Strategy:
    # The candidates are counted when they are authored.
    besides = max(event.scored - len(event.candidates), 0)
    return replace(state, answered=event.number, scored=state.scored + besides)


def failed(state: Strategy, event: RecodeFailed) -> Strategy:
    return replace(state, answered=event.number, scored=state.scored + event.scored)


def tested(state: Strategy, event: VersionTested) -> Strategy:
    return altered(state, event.version, passed=event.passed, failures=event.failures)


def version_retired(state: Strategy, event: VersionRetired) -> Strategy:
    return altered(state, event.version, retired=True)


def unsealed(state: Strategy, event: HoldoutOpened) -> Strategy:
    return replace(state, unsealed=True)


def marked_ready(state: Strategy, event: MarkedReady) -> Strategy:
    state = altered(state, event.version, was_ready=True)
    standing = state.resumes_to if state.status == "paused" else state.status
    return state if standing == "live" else moved(state, event, "ready")


def promoted(state: Strategy, event: PromotedToLive) -> Strategy:
    return replace(moved(state, event, "live"), live=event.version, account=event.account)


def paused(state: Strategy, event: Paused) -> Strategy:
    before = state.resumes_to if state.status == "paused" else state.status
    state = replace(state, resumes_to=before, paused_until=event.until)
    return replace(state, status="paused", status_event=event.event_id)


def resumed(state: Strategy, event: Resumed) -> Strategy:
    status = state.resumes_to if state.status == "paused" else state.status
    state = replace(state, status=status, paused_until=None, flat_from=None)
    return replace(state, status_event=event.event_id)


def flattened(state: Strategy, event: Flattened) -> Strategy:
    before = state.resumes_to if state.status == "paused" else state.status
    since = event.occurred_at if event.effective_at is None else event.effective_at
    state = replace(state, resumes_to=before, paused_until=None, flat_from=since)
    return replace(state, status="paused", status_event=event.event_id)


def demoted(state: Strategy, event: DemotedToPaper) -> Strategy:
    if state.flat:  # entries stay off, and what is held is closed, until it is resumed
        state = replace(state, resumes_to="paper", paused_until=None, live="")
        return replace(state, status_event=event.event_id)
    if state.status == "paused" and event.kind == "derived":  # an operator's pause is not lifted
        return replace(state, resumes_to="paper", live="", status_event=event.event_id)
    return replace(state, status="paper", paused_until=None, live="", status_event=event.event_id)


def retired(state: Strategy, event: Retired) -> Strategy:
    return replace(state, status="retired", paused_until=None, live="", status_event=event.event_id)


def moved(state: Strategy, event: Event, status: Status) -> Strategy:
    if state.status == "paused":
        return replace(state, resumes_to=status)
    return replace(state, status=status, status_event=event.event_id)


def altered(state: Strategy, name: str, **changes: Any) -> Strategy:
    versions = tuple(
        replace(version, **changes) if version.name == name else version
        for version in state.versions
    )
    return replace(state, versions=versions)


EVOLVE: Mapping[type[Event], Callable[[Strategy, Any], Strategy]] = {
    StrategyRegistered: registered,
    VersionAuthored: authored,
    VersionActivated: activated,
    VersionRejected: rejected,
    RecodeRequested: requested,
    RecodeAnswered: answered,
    RecodeFailed: failed,
    VersionTested: tested,
    VersionRetired: version_retired,
    HoldoutOpened: unsealed,
    MarkedReady: marked_ready,
    PromotedToLive: promoted,
    Paused: paused,
    Resumed: resumed,
    Flattened: flattened,
    DemotedToPaper: demoted,
    Retired: retired,
}
