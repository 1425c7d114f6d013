"""`perpetua holdout`: what strategies did on the sealed end of a recorded run."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import typer

from api.cli.context import HomeOption, JsonOption, print_json, print_rows
from api.cli.show import StrategyOption

if TYPE_CHECKING:
    from domain.strategy.improvement import HoldoutScore
    from projections.improvement_models import HoldoutView

SEAL_COLUMNS = ("strategy", "from", "to", "bars", "opened_at", "scored_at")
SCORE_COLUMNS = (
    "strategy", "version", "trades", "wins", "net", "net_low", "net_high", "sharpe", "sharpe_low",
    "sharpe_high", "passes_gate",
)  # fmt: skip


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(holdout)


def holdout(
    strategy: StrategyOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """The holdout of each strategy: its bars, and what the first and the last version did on it."""
    from api.cli.reading import known, reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        known(queries, strategy)
        found = queries.holdout(strategy)
    if json:
        print_json([plain_item(item) for item in found])
        return
    print_rows([spanned(item) for item in found], SEAL_COLUMNS)
    scores = [scored(item.strategy, score) for item in found for score in item.scores]
    print_rows(scores, SCORE_COLUMNS)


def spanned(item: "HoldoutView") -> SimpleNamespace:
    given = {name: getattr(item, name) for name in ("strategy", "bars", "opened_at", "scored_at")}
    return SimpleNamespace(**given, **{"from": item.start, "to": item.end})


def scored(strategy: str, score: "HoldoutScore") -> SimpleNamespace:
    figures: dict[str, Any] = {name: getattr(score, name) for name in score.__struct_fields__}
    return SimpleNamespace(strategy=strategy, **figures)
