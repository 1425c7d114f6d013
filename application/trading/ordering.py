"""From a command as it was sent to what it asks of the desk.

A source in it is compiled and a version that it names is looked up in the log, so that whatever
cannot be carried out is refused before anything is written.
"""

from collections.abc import Mapping

from application.engine_port import Command
from application.improvement.admission import check
from application.improvement.workbench import fitting
from application.ports import LogReader
from application.trading import inputs
from application.trading.desk import Desk
from application.trading.kernel import Program, as_kernel
from domain.errors import ParametersRefused, SourceRefused, UnknownStrategy, UnknownVersion
from domain.ids import strategy_stream
from domain.strategy.events import VersionAuthored

SHOWN = 12  # versions named where one is unknown


def order_of(command: Command, desk: Desk, log: LogReader) -> inputs.Order:
    """Read a command. Raises `domain.errors.Forbidden` where it names or holds what cannot be."""
    program: Program | None = None
    parameters: Mapping[str, float] = {}
    if command.name in inputs.WRITERS:
        if command.strategy not in desk.strategies:
            raise UnknownStrategy(command.strategy, desk.strategies)
        source, parameters = command.source, command.parameters
        if command.name == "rollback":
            authored = authored_as(log, command.strategy, command.version)
            source = log.blob(authored.source_sha).decode()
            parameters = authored.parameters
        program, parameters = read(desk, source, parameters, command.strategy)
    return inputs.Order(
        name=command.name,
        strategy=command.strategy,
        actor=command.actor,
        command_id=command.command_id,
        reason=command.reason,
        until=command.until,
        limit=command.limit,
        value=command.value,
        version=command.version,
        symbol=command.symbol,
        program=program,
        parameters=parameters,
    )


def read(
    desk: Desk, source: str, parameters: Mapping[str, float], strategy: str
) -> tuple[Program, dict[str, float]]:
    kernel, base_ms = desk.kernel, desk.base_ms
    found = check(
        source,
        parameters,
        lambda text: fitting(as_kernel(kernel.compile(text, strategy)), base_ms),
    )
    if not isinstance(found, str):
        return found
    code, _, words = found.partition(": ")
    raise (ParametersRefused if code == "PARAMETER" else SourceRefused)(words)


def authored_as(log: LogReader, strategy: str, version: str) -> VersionAuthored:
    names: list[str] = []
    for event in log.stream(strategy_stream(strategy)):
        if isinstance(event, VersionAuthored):
            if event.version == version:
                return event
            names.append(event.version)
    raise UnknownVersion(strategy, version, names[-SHOWN:])
