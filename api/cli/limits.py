"""`perpetua limits`: what every account is held to, and how an operator tightens it."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from api.cli.context import HomeOption, JsonOption, print_json, print_rows
from api.cli.operate import IdOption, hand_over, new_id, operator
from application.engine_port import Command

app = typer.Typer(help="Safety limits.", no_args_is_help=True, rich_markup_mode=None)

COLUMNS = (
    "id", "value", "unit", "constant", "allowed", "changed_by", "reason", "effective_at",
)  # fmt: skip


@app.command()
def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Every limit that can be tightened as it stands, with who tightened it, and why."""
    from api.cli.reading import reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        found = queries.limits()
    if json:
        print_json([plain_item(limit) for limit in found])
    else:
        print_rows(found, COLUMNS)


@app.command()
def tighten(
    name: Annotated[str, typer.Argument(help="The limit, as perpetua limits show names it.")],
    value: Annotated[str, typer.Argument(help="What it shall be, in its own unit.")],
    reason: Annotated[str, typer.Option("--reason", help="Recorded with the command.")],
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Hold every account to a tighter limit from the next bar on; nothing loosens one again."""
    try:
        figure = Decimal(value)
    except InvalidOperation:
        raise typer.BadParameter(f"value was {value!r}, must be a number") from None
    command = Command(
        name="tighten",
        limit=name,
        value=figure,
        actor=operator(),
        command_id=command_id if command_id is not None else new_id(),
        reason=reason,
    )
    hand_over(command, home, json)
