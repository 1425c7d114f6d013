"""`perpetua projections`: the read models can always be made again from the log."""

import typer

from api.cli.context import (
    HomeOption,
    JsonOption,
    print_fields,
    print_json,
    progress_bar,
    settings_of,
    used_home,
)

app = typer.Typer(help="The read models.", no_args_is_help=True, rich_markup_mode=None)


@app.command("rebuild")
def rebuild_views(home: HomeOption = None, json: JsonOption = False) -> None:
    """Build the read models anew from the log, beside the old ones, then swap."""
    import time

    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from api.home_log import read_log
    from projections.rebuild import rebuild

    found = used_home(home, settings_of("projections"))
    log = read_log(found)
    began = time.monotonic()
    try:
        columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeRemainingColumn())
        with progress_bar(*columns) as bar:
            task = bar.add_task("events", total=log.head())
            position = rebuild(log, found.views, lambda at: bar.update(task, completed=at))
    finally:
        log.close()
    figures = {"position": position, "seconds": round(time.monotonic() - began, 3)}
    (print_json if json else print_fields)(figures)
