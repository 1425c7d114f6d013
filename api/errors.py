"""Every failure in one line.

An error whose type is the project's own says what was wrong and what is allowed, and is shown as it
is, like those of the operating system and the database. Any other is a defect: it is named as one,
and its traceback goes to the log.
"""

import sqlite3

import structlog

FAILED = 1  # exit status of a command that could not do what was asked
PACKAGES = frozenset(("api", "application", "domain", "infrastructure", "kernels", "projections"))


def explain(error: BaseException) -> str:
    """Say in one line what went wrong; log the traceback of what nobody foresaw."""
    text = " ".join(str(error).split())
    if text and foreseen(error):
        return text
    structlog.get_logger("perpetua").error("unforeseen error", exc_info=error)
    return f"internal error: {type(error).__name__}: {text or 'no message'}"


def foreseen(error: BaseException) -> bool:
    ours = type(error).__module__.partition(".")[0] in PACKAGES
    return ours or isinstance(error, OSError | sqlite3.Error)
