"""What may be commanded. Every command goes to the engine and is answered once it is durable.

A command id makes a command safe to repeat; without one the server makes it up and returns it. With
`waitMs` the answer waits until the read models show what the command did.
"""

import asyncio
import time
from decimal import Decimal
from uuid import uuid4

import strawberry
from msgspec.structs import replace
from strawberry.types import Info

from api.graphql import described, types
from api.graphql.context import Context, refused
from api.graphql.scalars import Long
from api.graphql.shown import verdict
from application.engine_port import (
    LONGEST_NAME,
    LONGEST_REASON,
    Command,
    CommandName,
    CommandReply,
    EngineUnavailable,
)
from domain.timeframe import LATEST
from kernels.frontend.source import MAX_BYTES

Asked = Info[Context, None]

LONGEST_WAIT = 10_000  # ms
MOST_PARAMETERS = 200
LOOK_EVERY = 0.02  # seconds


@strawberry.type
class CommandError:
    code: str
    message: str


@strawberry.type
class CommandResult:
    accepted: bool
    command_id: str
    position: Long | None = strawberry.field(
        description="The log position written; null where the engine did not answer."
    )
    projected: bool = strawberry.field(
        description="Whether the read models already show that position."
    )
    events: list[str]
    verdict: types.Verdict | None
    error: CommandError | None


@strawberry.input
class ParameterInput:
    name: str
    value: float


@strawberry.type
class Mutation:
    @described.mutation("Ask for a strategy's champion to go live; the gate answers.")
    async def promote_strategy(
        self,
        info: Asked,
        strategy: str,
        reason: str = "",
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("promote", strategy, reason, command_id, actor)
        return await carry_out(info.context, command, wait_ms)

    @described.mutation("Stop entries, until resumed or until a time (ms UTC).")
    async def pause_strategy(
        self,
        info: Asked,
        strategy: str,
        reason: str = "",
        until: Long | None = None,
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("pause", strategy, reason, command_id, actor, until)
        return await carry_out(info.context, command, wait_ms)

    @described.mutation("Give back what a pause took.")
    async def resume_strategy(
        self,
        info: Asked,
        strategy: str,
        reason: str = "",
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("resume", strategy, reason, command_id, actor)
        return await carry_out(info.context, command, wait_ms)

    @described.mutation("Take a strategy from live back to paper.")
    async def demote_strategy(
        self,
        info: Asked,
        strategy: str,
        reason: str = "",
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("demote", strategy, reason, command_id, actor)
        return await carry_out(info.context, command, wait_ms)

    @described.mutation(
        "Close all that a strategy holds at the next open and keep entries off until it is"
        " resumed; without a strategy, of all of them."
    )
    async def flatten(
        self,
        info: Asked,
        strategy: str | None = None,
        reason: str = "",
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("flatten", strategy, reason, command_id, actor)
        return await carry_out(info.context, command, wait_ms)

    @described.mutation("Tighten a safety limit from the next bar on; nothing loosens one.")
    async def tighten_limit(
        self,
        info: Asked,
        limit: str,
        value: Decimal,
        reason: str,
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("tighten", None, reason, command_id, actor)
        command = replace(command, limit=limit[:LONGEST_NAME], value=value)
        return await carry_out(info.context, command, wait_ms)

    @described.mutation(
        "Submit a version: tested against the champion, in its place from the next bar if it holds."
    )
    async def submit_strategy(
        self,
        info: Asked,
        strategy: str,
        source: str,
        parameters: list[ParameterInput] | None = None,
        reason: str = "",
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        given = parameters or []
        if len(source.encode()) > MAX_BYTES:
            raise refused(f"source had {len(source.encode())} bytes, must have at most {MAX_BYTES}")
        if len(given) > MOST_PARAMETERS:
            raise refused(f"parameters were {len(given)}, must be at most {MOST_PARAMETERS}")
        command = ask("submit", strategy, reason, command_id, actor)
        values = {parameter.name[:LONGEST_NAME]: parameter.value for parameter in given}
        command = replace(command, source=source, parameters=values)
        return await carry_out(info.context, command, wait_ms)

    @described.mutation("Have an earlier version trade again from the next bar, untested.")
    async def rollback_strategy(
        self,
        info: Asked,
        strategy: str,
        version: str,
        reason: str = "",
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("rollback", strategy, reason, command_id, actor)
        command = replace(command, version=version[:LONGEST_NAME])
        return await carry_out(info.context, command, wait_ms)

    @described.mutation(
        "Have the market classified now, before what was said of it is over; without a symbol, all"
        " of the home's."
    )
    async def classify_regime(
        self,
        info: Asked,
        symbol: str | None = None,
        reason: str = "",
        command_id: str | None = None,
        actor: str = "api",
        wait_ms: int = 0,
    ) -> CommandResult:
        command = ask("classify", None, reason, command_id, actor)
        command = replace(command, symbol=(symbol or "")[:LONGEST_NAME])
        return await carry_out(info.context, command, wait_ms)


def ask(
    name: CommandName,
    strategy: str | None,
    reason: str,
    command_id: str | None,
    actor: str,
    until: int | None = None,
) -> Command:
    for field, value, least, most in (
        ("strategy", strategy, 1, LONGEST_NAME),
        ("reason", reason, 0, LONGEST_REASON),
        ("actor", actor, 1, LONGEST_NAME),
        ("commandId", command_id, 1, LONGEST_NAME),
    ):
        if value is not None and not least <= len(value) <= most:
            raise refused(f"{field} had {len(value)} characters, must have {least}-{most}")
    if until is not None and not 0 < until <= LATEST:
        raise refused(f"until was {until}, must be 1-{LATEST} (ms UTC)")
    return Command(
        name=name,
        strategy=strategy or "",
        actor=f"operator:{actor}",
        command_id=command_id or str(uuid4()),
        reason=reason,
        until=until,
    )


async def carry_out(context: Context, command: Command, wait_ms: int) -> CommandResult:
    if not 0 <= wait_ms <= LONGEST_WAIT:
        raise refused(f"waitMs was {wait_ms}, must be 0-{LONGEST_WAIT}")
    try:
        reply = await context.service.send(command)
    except EngineUnavailable as error:
        return CommandResult(
            accepted=False,
            command_id=command.command_id,
            position=None,
            projected=False,
            events=[],
            verdict=None,
            error=CommandError(code="ENGINE_UNAVAILABLE", message=str(error)),
        )
    projected = await shown_by(context, reply.position, wait_ms)
    return answer(command, reply, projected)


async def shown_by(context: Context, position: int, wait_ms: int) -> bool:
    deadline = time.monotonic() + wait_ms / 1000
    while await context.read(context.queries.position) < position:
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(LOOK_EVERY)
    return True


def answer(command: Command, reply: CommandReply, projected: bool) -> CommandResult:
    refusal = None if reply.accepted else CommandError(code=reply.code, message=reply.message)
    return CommandResult(
        accepted=reply.accepted,
        command_id=command.command_id,
        position=Long(reply.position),
        projected=projected,
        events=list(reply.events),
        verdict=verdict(reply.verdict),
        error=refusal,
    )
