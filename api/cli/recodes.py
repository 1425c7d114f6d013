"""`perpetua recodes`: what authors were asked for, what they wrote, what became of it."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import HomeOption, JsonOption, print_json, print_rows
from api.cli.show import LimitOption, StrategyOption, wanted

if TYPE_CHECKING:
    from projections.improvement_models import RecodeView

COLUMNS = (
    "id", "asked_at", "champion", "why", "author", "status", "candidates", "accepted", "rejected",
    "refused", "code", "scored", "tokens", "cost",
)  # fmt: skip
TOTAL_COLUMNS = (
    "strategy", "asked", "waiting", "answered", "failed", "failed_by", "candidates", "accepted",
    "ruined", "rejected", "rejected_by", "refused", "refused_by", "scored", "tokens", "cost",
)  # fmt: skip


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(recodes)


def recodes(
    strategy: StrategyOption = None,
    status: Annotated[
        str | None, typer.Option("--status", help="asked, answered or failed.")
    ] = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Every look's request, oldest first, and what came of all of them."""
    from api.cli.reading import known, newest, reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        known(queries, strategy)
        found = newest(
            lambda paging: queries.recodes(strategy, status, paging), wanted(limit, json)
        )
        totals = queries.recode_totals(strategy)
    if json:
        print_json(
            {
                "recodes": [plain_item(recode) for recode in found],
                "totals": [plain_item(total) for total in totals],
            }
        )
        return
    print_rows([shortened(recode) for recode in found], COLUMNS)
    print_rows(totals, TOTAL_COLUMNS)


def shortened(recode: "RecodeView") -> SimpleNamespace:
    short = {name: getattr(recode, name) for name in COLUMNS}
    counts = {"candidates": len(recode.candidates), "refused": len(recode.refused)}
    return SimpleNamespace(**(short | counts))
