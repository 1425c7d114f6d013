"""What engine, reader, supervisor and command line say to each other.

One JSON object a line, decoded into these types or refused: nothing else crosses a process
boundary, apart from the log and the read models themselves.
"""

from typing import Literal

from msgspec import Struct

from application.engine import Progress
from application.engine_port import Command, CommandReply


class Execute(Struct, frozen=True, tag="execute"):
    """To the engine: carry out a command; answered by `Replied` once durable, or `Failed`."""

    command: Command


class AskProgress(Struct, frozen=True, tag="progress"):
    """To the engine: how far are you; answered by `Reported` at once."""


Request = Execute | AskProgress


class Replied(Struct, frozen=True, tag="replied"):
    reply: CommandReply


class Reported(Struct, frozen=True, tag="reported"):
    progress: Progress


class Failed(Struct, frozen=True, tag="failed"):
    """The request was not carried out, or it is not known whether it was."""

    code: Literal["BAD_REQUEST", "ENGINE_UNAVAILABLE"]
    message: str


Answer = Replied | Reported | Failed


class Chosen(Struct, frozen=True, kw_only=True, tag="chosen"):
    """From the engine: which feed it trades, and why that one."""

    feed: str
    reason: str
    home: str
    venue: str
    symbols: tuple[str, ...]
    timeframe: str
    total: int | None  # bars the feed will give, where known


class Started(Struct, frozen=True, kw_only=True, tag="started"):
    """From the engine: the home is open and recovered, bars are about to be taken."""

    pid: int
    home: str
    position: int
    last_bar: int | None
    notices: tuple[str, ...]  # e.g. a strategy file that differs from the version in the log


class Finished(Struct, frozen=True, kw_only=True, tag="finished"):
    """From the engine: the feed has ended and every step is durable."""

    position: int
    bars: int
    seconds: float  # from the first block taken to the last one durable
    last_bar: int | None


class Serving(Struct, frozen=True, kw_only=True, tag="serving"):
    """From the reader: the API answers at this address."""

    pid: int
    port: int
    url: str


class Broken(Struct, frozen=True, tag="broken"):
    """From a child: why it is about to exit, in one line."""

    message: str


Message = Chosen | Started | Finished | Serving | Broken
