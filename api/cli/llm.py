"""`perpetua llm`: what language models were asked and answered, what it cost, what came of it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import HomeOption, JsonOption, print_fields, print_json, print_rows
from api.cli.printable import printable
from api.cli.show import LimitOption, StrategyOption, wanted

if TYPE_CHECKING:
    from projections.improvement_models import LlmCallView

app = typer.Typer(help="Calls of language models.", no_args_is_help=True, rich_markup_mode=None)

CALL_COLUMNS = (
    "id", "called_at", "purpose", "strategy", "number", "symbol", "model", "outcome", "code",
    "prompt_tokens", "completion_tokens", "cost", "latency_ms", "versions", "passed", "activated",
)  # fmt: skip
SUM_COLUMNS = (
    "id", "calls", "answered", "refused", "failed", "prompt_tokens", "completion_tokens", "cost",
    "latency_ms",
)  # fmt: skip
VERSION_COLUMNS = (
    "id", "parent", "number", "calls", "cost", "cost_since", "trades", "net", "parent_trades",
    "parent_net", "change", "per_dollar",
)  # fmt: skip


@app.command("log")
def log(
    strategy: StrategyOption = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="recode, repair or regime.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--day", help="A UTC day of the wall clock: 2026-01-31.")
    ] = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Every call, oldest first, with what came of the look that it was made for."""
    from api.cli.reading import known, newest, reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        known(queries, strategy)
        found = newest(
            lambda paging: queries.llm_log(strategy, purpose, day, paging), wanted(limit, json)
        )
    if json:
        print_json([plain_item(call) for call in found])
    else:
        print_rows(found, CALL_COLUMNS)


@app.command("totals")
def totals(
    strategy: StrategyOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Dollars and tokens by day, purpose, strategy; what accepted versions cost and changed."""
    from api.cli.reading import known, reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        known(queries, strategy)
        found = queries.llm_totals(strategy)
    if json:
        print_json(plain_item(found))
        return
    for sums in (found.days, found.purposes, found.strategies, (found.total,)):
        print_rows(sums, SUM_COLUMNS)
    print_rows(found.versions, VERSION_COLUMNS)
    print_fields({"change": found.change, "per dollar": found.per_dollar})


@app.command("show")
def show(
    call: Annotated[str, typer.Argument(help="As perpetua llm log names it: llm@17, or 17.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """One call, with the prompt and the response word for word."""
    from api.cli.reading import UnknownName, reading
    from projections.models import plain_item

    with reading(home) as (_, queries):
        found = queries.llm_call(call)
        if found is None:
            raise UnknownName(f"call was {call!r}, must be an id that perpetua llm log shows")
        texts = {
            "prompt": queries.text(found.prompt_sha),
            "response": queries.text(found.response_sha) if found.response_sha else None,
        }
    if json:
        print_json(plain_item(found) | texts)
    else:
        print_call(found, texts)


def print_call(call: "LlmCallView", texts: dict[str, str | None]) -> None:
    named = {"at": "market_at"}  # a name that says that it is a time
    fields = {named.get(n, n): getattr(call, n) for n in call.__struct_fields__}
    print_fields(fields | {"detail": printable(call.detail)})
    for name, text in texts.items():
        sys.stdout.write(f"\n── {name} ──\n{printable(text or '–')}\n")
