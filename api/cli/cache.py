"""`perpetua cache`: the compiled kernels that are kept, which may be removed at any time."""

from typing import Any

import typer

from api.cli.context import JsonOption, print_fields, print_json, settings_of

app = typer.Typer(
    help="Compiled kernels: where, how many, how large.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def contents(context: typer.Context, json: JsonOption = False) -> None:
    """Compiled kernels: where, how many, how large."""
    from kernels import cache

    if context.invoked_subcommand is not None:
        return
    settings_of("cache")
    found = cache.contents()
    show(
        {
            "folder": str(found.folder),
            "entries": found.entries,
            "bytes": found.bytes,
            "limit": found.limit,
        },
        json,
    )


@app.command()
def clear(json: JsonOption = False) -> None:
    """Remove them, of every version; what is needed is compiled anew."""
    from kernels import cache

    settings_of("cache")
    gone = cache.clear()
    show({"folder": str(cache.folder()), "removed": gone.entries, "bytes": gone.bytes}, json)


def show(figures: dict[str, Any], json: bool) -> None:
    if json:
        print_json(figures)
        return
    sizes = {name: megabytes(figures[name]) for name in ("bytes", "limit") if name in figures}
    print_fields({**figures, **sizes})


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
