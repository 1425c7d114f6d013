"""How anything outside the engine asks it to act.

The engine is the only appender, so every command goes through it: over its socket while it runs, or
directly where a process holds the home lock itself. A command id makes a command safe to repeat: a
second send with the same id changes nothing and returns the recorded reply.
"""

from decimal import Decimal
from hashlib import sha256
from typing import Literal, Protocol

from msgspec import Struct

from domain.gate import GateVerdict

CommandName = Literal[
    "promote",
    "pause",
    "resume",
    "demote",
    "flatten",
    "tighten",
    "submit",
    "rollback",
    "classify",
]
LONGEST_NAME = 200  # characters of an id, a strategy's name, an actor
LONGEST_REASON = 1000
EVERYTHING = "all strategies"
EVERY_SYMBOL = "all symbols"


class Command(Struct, frozen=True, kw_only=True):
    """One operator's wish. It takes effect at the next base bar."""

    name: CommandName
    strategy: str = ""  # tighten, classify: none; flatten: "" for all of them
    actor: str  # operator:<name>
    command_id: str  # chosen by the client; equal ids are one command
    reason: str = ""
    limit: str = ""  # tighten only: a field of `domain.limits.Limits`
    value: Decimal | None = None  # tighten only: what it shall be from now on
    until: int | None = None  # pause only: ms UTC at which trading resumes; None: until resumed
    source: str = ""  # submit only: text of the strategy file
    parameters: dict[str, float] = {}  # submit only: those that are not the file's defaults
    version: str = ""  # rollback only: which version is to trade again
    symbol: str = ""  # classify only: "" for all of them

    @property
    def said(self) -> str:
        """What it asks for, in words; equal words are one command."""
        if self.name == "tighten":
            return f"tighten {self.limit} to {self.value}"
        if self.name == "rollback":
            return f"rollback {self.strategy} to {self.version}"
        if self.name == "classify":
            return f"classify {self.symbol or EVERY_SYMBOL}"
        if self.name == "submit":
            return submission(self.strategy, sha256(self.source.encode()).hexdigest())
        return f"{self.name} {self.strategy or EVERYTHING}"


def submission(strategy: str, source_sha: str) -> str:
    """Say that a source is submitted for a strategy."""
    return f"submit {strategy} (source {source_sha[:12]})"


class CommandReply(Struct, frozen=True, kw_only=True):
    """What became of a command; sent only once its events are durable."""

    accepted: bool
    position: int  # log position of the command's last event; the head where nothing was written
    code: str = ""  # "" where accepted, else stable, e.g. GATE_NOT_PASSED, TEST_NOT_PASSED
    message: str = ""  # one line for a human
    verdict: GateVerdict | None = None  # promote only
    events: tuple[str, ...] = ()  # ids, `<stream>@<version>`, in log order


class EngineUnavailable(Exception):
    """No engine took the command: none is running, or it did not answer in time.

    After a timeout the command may still be carried out: ask again with the same command id.
    """


class EngineClient(Protocol):
    def send(self, command: Command) -> CommandReply:
        """Hand over one command and wait until it is durable; blocking, callable from any thread.

        A refusal is a reply with `accepted` false, not an exception. Raises EngineUnavailable.
        """
