"""`perpetua regimes`: what was said about the market, who agreed, and what was earned by it;
and how an operator has it said anew."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import HomeOption, JsonOption, print_json, print_rows
from api.cli.operate import IdOption, ReasonOption, hand_over, new_id, operator
from api.cli.show import LimitOption, ModeOption, SleeveOption, StrategyOption, wanted
from application.engine_port import Command

if TYPE_CHECKING:
    from projections.improvement_models import RegimeView

COLUMNS = (
    "symbol", "from", "to", "regime", "trend", "volatility", "risk_mode", "confidence",
    "by", "forced", "cost",
)  # fmt: skip
AGREEMENT_COLUMNS = ("symbol", "by", "overlapping", "overlap_ms", "equal_ms", "share")
PERFORMANCE_COLUMNS = (
    "strategy", "version", "mode", "sleeve", "regime", "trades", "win_rate", "win_rate_low",
    "profit_factor", "net",
)  # fmt: skip


app = typer.Typer(help="What is said about the market.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def regimes(
    context: typer.Context,
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="What was said about this symbol only.")
    ] = None,
    strategy: StrategyOption = None,
    sleeve: SleeveOption = None,
    mode: ModeOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Classifications, oldest first; how far models and the rule agree; performance by regime.

    --strategy, --sleeve and --mode choose what of the performance is shown.
    """
    if context.invoked_subcommand is not None:
        return
    from api.cli.reading import known, newest, reading
    from infrastructure.symbols import stored_symbol
    from projections.models import plain_item
    from projections.paging import Scope

    symbol = None if symbol is None else stored_symbol(symbol)
    scope = Scope(strategy=strategy, sleeve=sleeve, mode=mode)
    with reading(home) as (_, queries):
        known(queries, strategy)
        found = newest(lambda paging: queries.regimes(symbol, paging), wanted(limit, json))
        agreement = queries.regime_agreement(symbol)
        performance = queries.regime_performance(scope)
    if json:
        print_json(
            {
                "regimes": [plain_item(regime) for regime in found],
                "agreement": [plain_item(item) for item in agreement],
                "performance": [plain_item(item) for item in performance],
            }
        )
        return
    print_rows([spanned(regime) for regime in found], COLUMNS)
    print_rows(agreement, AGREEMENT_COLUMNS)
    print_rows(performance, PERFORMANCE_COLUMNS)


@app.command()
def classify(
    symbol: Annotated[
        str | None, typer.Argument(help="E.g. BTC/USDT; all of the home's, unless said.")
    ] = None,
    reason: ReasonOption = "",
    command_id: IdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the market classified now, before what was said of it is over."""
    from infrastructure.symbols import stored_symbol

    command = Command(
        name="classify",
        symbol="" if symbol is None else stored_symbol(symbol),
        actor=operator(),
        command_id=command_id if command_id is not None else new_id(),
        reason=reason,
    )
    hand_over(command, home, json)


def spanned(regime: "RegimeView") -> SimpleNamespace:
    given = {name: getattr(regime, name) for name in COLUMNS if name not in ("from", "to")}
    return SimpleNamespace(**given, **{"from": regime.since, "to": regime.until})
