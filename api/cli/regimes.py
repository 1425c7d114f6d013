"""`perpetua regimes`: what was said about the market, who agreed, and what was earned by it."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import HomeOption, JsonOption, print_json, print_rows
from api.cli.show import LimitOption, ModeOption, SleeveOption, StrategyOption, wanted

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


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(regimes)


def regimes(
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
    from api.cli.reading import known, newest, reading
    from projections.models import plain_item
    from projections.paging import Scope

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


def spanned(regime: "RegimeView") -> SimpleNamespace:
    given = {name: getattr(regime, name) for name in COLUMNS if name not in ("from", "to")}
    return SimpleNamespace(**given, **{"from": regime.since, "to": regime.until})
