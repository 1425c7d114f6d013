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

Status = Literal["unregistered", "paper", "ready", "live", "paused", "retired"]


class Version(Struct, frozen=True, kw_only=True):
    """One source with one set of parameters."""

    name: str
    source_sha: str
    parameters: dict[str, float]
    timeframe: str
    authored_by: str  # event id of its VersionAuthored
    active_from: int | None = None  # open of the first base bar it trades on paper
    live_from: int | None = None  # open of the first base bar it trades live
    was_ready: bool = False  # it passed the gate once
    rejected: bool = False


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
    champion: str = ""  # the version that trades on paper and may be promoted
    live: str = ""  # the version that trades live, "" when none does
    account: str = ""  # the live account, kept when it is demoted
    status_event: str = ""  # id of the event that last changed the status

    @property
    def flat(self) -> bool:
        """Whether all that it holds is to be closed, and nothing entered."""
        return self.flat_from is not None

    @property
    def attempts(self) -> int:
        """How many parameter sets were ever scored for this strategy."""
        return len(self.versions)

    def find(self, name: str) -> Version | None:
        """Find a version by name."""
        return next((version for version in self.versions if version.name == name), None)


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
    )
    return replace(state, versions=(*state.versions, version))


def activated(state: Strategy, event: VersionActivated) -> Strategy:
    if event.mode == "live":
        state = altered(state, event.version, live_from=event.from_bar)
        return replace(state, live=event.version)
    state = altered(state, event.version, active_from=event.from_bar)
    return replace(state, champion=event.version)


def rejected(state: Strategy, event: VersionRejected) -> Strategy:
    return altered(state, event.version, rejected=True)


def marked_ready(state: Strategy, event: MarkedReady) -> Strategy:
    return moved(altered(state, event.version, was_ready=True), event, "ready")


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
    MarkedReady: marked_ready,
    PromotedToLive: promoted,
    Paused: paused,
    Resumed: resumed,
    Flattened: flattened,
    DemotedToPaper: demoted,
    Retired: retired,
}
