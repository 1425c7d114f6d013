"""Why a command cannot be carried out, as types with stable codes.

A forbidden step never becomes an event: the caller is told the state, what was asked and what is
allowed, and the log stays as it was. (A promotion that the gate refuses is not forbidden: it is a
recorded verdict.)
"""

from collections.abc import Iterable
from typing import ClassVar


class Forbidden(Exception):
    """A command that the state does not allow; `code` is stable and safe to match on."""

    code: ClassVar[str] = "FORBIDDEN"


class UnknownStrategy(Forbidden):
    code = "UNKNOWN_STRATEGY"

    def __init__(self, strategy: str, known: Iterable[str]) -> None:
        names = ", ".join(sorted(known)) or "none"
        super().__init__(f"strategy was {strategy!r}, must be one of: {names}")


class UnknownVersion(Forbidden):
    code = "UNKNOWN_VERSION"

    def __init__(self, strategy: str, version: str, known: Iterable[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"version of {strategy} was {version!r}, must be one of: {names}")


class UnknownCommand(Forbidden):
    code = "UNKNOWN_COMMAND"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"command was {name!r}, must be one of: {', '.join(known)}")


class CommandIdReused(Forbidden):
    code = "COMMAND_ID_REUSED"

    def __init__(self, command_id: str, recorded: str, asked: str) -> None:
        super().__init__(
            f"command_id {command_id!r} was used for {recorded}, must be new to ask for {asked}"
        )


class InvalidCommand(Forbidden):
    """A field of the command is not what it must be."""

    code = "INVALID_COMMAND"

    def __init__(self, field: str, given: object, allowed: str) -> None:
        super().__init__(f"{field} was {given!r}, must be {allowed}")


class SourceRefused(Forbidden):
    """What was submitted is no strategy of this home; `words` say where, and what is allowed."""

    code = "DOES_NOT_COMPILE"

    def __init__(self, words: str) -> None:
        super().__init__(f"source was refused: {words}")


class ParametersRefused(Forbidden):
    """What was submitted is a strategy, but its parameters cannot have these values."""

    code = "PARAMETER_INVALID"

    def __init__(self, words: str) -> None:
        super().__init__(f"parameters were refused: {words}")


class NoChange(Forbidden):
    """A version would trade as the champion does: a test of it would tell nothing."""

    code = "NO_CHANGE"

    def __init__(self, strategy: str, champion: str, words: str) -> None:
        super().__init__(f"version was as {strategy} {champion}, must trade otherwise: {words}")


class StepForbidden(Forbidden):
    """The strategy's state does not allow the step."""

    allowed: ClassVar[str]  # in which states the step is possible

    def __init__(self, strategy: str, status: str, asked: str) -> None:
        super().__init__(f"{strategy} is {status}: cannot {asked}, {self.allowed}")


class AlreadyRegistered(StepForbidden):
    code = "ALREADY_REGISTERED"
    allowed = "a name is registered once"


class NotRegistered(StepForbidden):
    code = "NOT_REGISTERED"
    allowed = "it must be registered first"


class AlreadyRetired(StepForbidden):
    code = "RETIRED"
    allowed = "retirement is final"


class AlreadyPaused(StepForbidden):
    code = "ALREADY_PAUSED"
    allowed = "must be paper, ready or live"


class NotPaused(StepForbidden):
    code = "NOT_PAUSED"
    allowed = "must be paused"


class AlreadyFlat(StepForbidden):
    code = "ALREADY_FLAT"
    allowed = "must be resumed first"


class NotFlatYet(StepForbidden):
    code = "NOT_FLAT_YET"
    allowed = "what it holds must be closed first"


class NothingToFlatten(Forbidden):
    """All strategies of the home are flattened or retired already, or it has none."""

    code = "NOTHING_TO_FLATTEN"

    def __init__(self) -> None:
        super().__init__("strategies to flatten were none, must be at least one that is not flat")


class NotLive(StepForbidden):
    code = "NOT_LIVE"
    allowed = "must be live or paused"


class NotPromotable(StepForbidden):
    code = "NOT_PROMOTABLE"
    allowed = "must be paper or ready, with an active version"


class VersionWasRejected(StepForbidden):
    code = "VERSION_REJECTED"
    allowed = "must be a version that was not rejected"


class AlreadyActive(StepForbidden):
    code = "ALREADY_ACTIVE"
    allowed = "a version is activated once per mode"


class HoldoutWasOpened(StepForbidden):
    code = "HOLDOUT_OPENED"
    allowed = "a holdout is opened once, and nothing is learnt from it"


class RecodeWaits(StepForbidden):
    code = "RECODE_WAITS"
    allowed = "one look is answered before the next"


class RecodeNotAsked(StepForbidden):
    code = "RECODE_NOT_ASKED"
    allowed = "must be the look that waits for an answer"
