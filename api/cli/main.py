"""The `perpetua` command.

Commands import what they need when they run, so that `--help` and one-line errors stay quick. An
error is one line on standard error and a status other than 0; a traceback goes to the log, where
one is of use.
"""

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, TyperException

from api.cli import (
    analyse,
    audit,
    cache,
    data,
    holdout,
    limits,
    llm,
    operate,
    projections,
    recodes,
    regimes,
    replay,
    research,
    run,
    show,
    strategy,
    sweep,
    venues,
    versions,
)
from api.errors import FAILED, explain

app = typer.Typer(
    name="perpetua",
    help="An event-sourced crypto trading engine: strategies trade on paper and earn their way up.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
run.mount(app)
show.mount(app)
operate.mount(app)
research.mount(app)
replay.mount(app)
analyse.mount(app)
versions.mount(strategy.app)
app.add_typer(strategy.app, name="strategy")
recodes.mount(app)
app.add_typer(regimes.app, name="regimes")
holdout.mount(app)
app.add_typer(llm.app, name="llm")
sweep.mount(app)
venues.mount(app)
app.add_typer(data.app, name="data")
app.add_typer(projections.app, name="projections")
app.add_typer(limits.app, name="limits")
app.add_typer(audit.app, name="audit")
app.add_typer(cache.app, name="cache")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    sys.exit(status_of(arguments))


def status_of(arguments: Sequence[str] | None) -> int:
    try:
        result = app(
            args=list(arguments) if arguments is not None else None,
            prog_name="perpetua",
            standalone_mode=False,
        )
    except TyperException as error:
        return fail(error.format_message(), 2)
    except (Abort, KeyboardInterrupt):
        return fail("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing left to flush
        return 0
    except Exception as error:
        return fail(explain(error), FAILED)
    return result if isinstance(result, int) else 0


def fail(message: str, status: int) -> int:
    line = " ".join(message.split())
    print(f"perpetua: {line}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
