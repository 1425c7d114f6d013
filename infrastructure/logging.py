"""Log lines: structured, correlated, and without secrets.

Every line carries a correlation id: the one bound by the code that runs (a step's, a command's, a
request's), else the process's own. Redaction is the last step before rendering, so that nothing a
library or a traceback writes gets round it. Logs tell operators what happened; the event log alone
says what is true.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from infrastructure.settings import LogForm, LogLevel, Settings

REDACTED = "[redacted]"
SECRET_WORDS = frozenset(
    ("key", "secret", "token", "password", "passphrase", "authorization", "apikey", "credential")
)
SHORTEST_SECRET = 4  # shorter values would blot out ordinary text
CHATTY = ("alembic", "uvicorn")  # libraries whose everyday lines say nothing of use
FILE_BYTES = 10_000_000
FILES_KEPT = 3
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def configure(
    process: str,
    *,
    form: LogForm = "json",
    level: LogLevel = "info",
    secrets: Iterable[str] = (),
    file: Path | None = None,
) -> None:
    """Send this process's log lines, the libraries' own included, to `file` or else stderr.

    `process` names the process in lines that no step, command or request caused. May be called
    again: the last call holds.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        Correlate(f"process/{process}"),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=file is None and sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            Redact(secrets),
            renderer,
        ],
    )
    handler = handler_for(file)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def configure_from(settings: Settings, process: str, file: Path | None = None) -> None:
    """Configure a process's log lines as the settings say.

    Left to itself a file takes everyday lines too, and standard error warnings alone: there they
    stand between the lines that a command prints.
    """
    configure(
        process,
        form=settings.log,
        level=settings.log_level or ("warning" if file is None else "info"),
        secrets=settings.secrets,
        file=file,
    )


def handler_for(file: Path | None) -> logging.Handler:
    if file is None:
        return logging.StreamHandler(sys.stderr)
    file.parent.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(
        file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True
    )


class Correlate:
    """Give a line without a correlation id the one of its process."""

    def __init__(self, default: str) -> None:
        self.default = default

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        event.setdefault("correlation_id", self.default)
        return event


class Redact:
    """Blot out values under secret-sounding names, and known secret values wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted((s for s in secrets if len(s) >= SHORTEST_SECRET), key=len, reverse=True)
        self.known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        return self.mapping(event)

    def mapping(self, values: Mapping[str, Any]) -> MutableMapping[str, Any]:
        return {
            name: REDACTED if value and sounds_secret(str(name)) else self.value(value)
            for name, value in values.items()
        }

    def value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self.mapping(value)
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(value if isinstance(value, str) else str(value))

    def text(self, text: str) -> str:
        return text if self.known is None else self.known.sub(REDACTED, text)


def sounds_secret(name: str) -> bool:
    return not SECRET_WORDS.isdisjoint(word.lower() for word in WORDS.findall(name))
