"""The tables of the improvement loop: what was asked of whom, what came of it, and what it cost.

They belong to the same read models as those of `projections.tables`, and are rebuilt with them.
"""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from projections.columns import Exact
from projections.schema import VIEWS, owner, position_key

LLM_LOG = Table(
    "llm_log",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),  # event id
    Column("purpose", Text, nullable=False),  # recode | repair | regime
    Column("outcome", Text, nullable=False),  # answered | refused | failed
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("strategy", Text, nullable=False),  # "" where it was about none
    Column("number", Integer, nullable=False),  # of the look; 0 where it was about none
    Column("symbol", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("temperature", Float, nullable=False),
    Column("seed", BigInteger),
    Column("prompt_sha", Text, nullable=False),
    Column("response_sha", Text, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Exact, nullable=False),  # dollars
    Column("latency_ms", BigInteger, nullable=False),
    Column("called_at", BigInteger, nullable=False),  # wall clock
    Column("day", Text, nullable=False),  # UTC, of the wall clock: 2026-01-31
    Column("at", BigInteger, nullable=False),  # market time
    Index("llm_log_id", "id"),
    Index("llm_log_strategy", "strategy", "position"),
    Index("llm_log_day", "day", "position"),
)

LLM_TOTALS = Table(
    "llm_totals",
    VIEWS,
    Column("id", Text, primary_key=True),  # <day>/<purpose>/<number>/<strategy>
    Column("day", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Exact, nullable=False),  # dollars
    Column("latency_ms", BigInteger, nullable=False),  # of all calls together
)

RECODES = Table(
    "recodes",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),  # <strategy>/<number>
    Column("strategy", Text, nullable=False),
    Column("number", Integer, nullable=False),  # of the look
    Column("champion", Text, nullable=False),
    Column("why", Text, nullable=False),  # losses | watch | ruined
    Column("start", BigInteger),  # open of the first bar of the history
    Column("split", BigInteger),  # the author knew the bars before it
    Column("test_from", BigInteger),
    Column("end", BigInteger),  # exclusive
    Column("status", Text, nullable=False),  # asked | answered | failed
    Column("author", Text),
    Column("candidates", Text, nullable=False),  # JSON list of improvement_models.Candidate
    Column("refused", Text, nullable=False),  # JSON list: CODE: words
    Column("code", Text, nullable=False),  # of a failure
    Column("reason", Text, nullable=False),
    Column("scored", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", Exact, nullable=False),  # dollars
    Column("asked_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Index("recodes_id", "id"),
    Index("recodes_strategy", "strategy", "position"),
)

LOSSES = Table(
    "losses",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),  # event id
    Column("strategy", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("version", Text, nullable=False),  # the champion
    Column("start", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("trades", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("net", Exact, nullable=False),
    Column("patterns", Text, nullable=False),  # JSON list of LossPattern
    Column("report_sha", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("losses_strategy", "strategy", "position"),
)

REGIMES = Table(
    "regimes",
    VIEWS,
    position_key(),
    Column("id", Text, nullable=False),  # event id
    Column("venue", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("regime", Text, nullable=False),
    Column("trend", Text, nullable=False),
    Column("volatility", Text, nullable=False),
    Column("risk_mode", Text, nullable=False),
    Column("confidence", Exact, nullable=False),
    Column("by", Text, nullable=False),  # rule, or llm:<model>
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),  # exclusive
    Column("forced", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", Exact, nullable=False),  # dollars
    Index("regimes_symbol", "symbol", "position"),
)

REGIME_PERFORMANCE = Table(
    "regime_performance",
    VIEWS,
    Column("id", Text, primary_key=True),  # <strategy>/<version>/<mode>/<sleeve>/<regime>
    *owner(),
    Column("regime", Text, nullable=False),  # in force at the entry; none: there was none
    Column("trades", Integer, nullable=False),
    Column("wins", Integer, nullable=False),
    Column("profit", Exact, nullable=False),  # Σ net of the wins
    Column("loss", Exact, nullable=False),  # −Σ net of the losses
)

HOLDOUT = Table(
    "holdout",
    VIEWS,
    Column("strategy", Text, primary_key=True),
    Column("start", BigInteger),  # open of its first bar
    Column("end", BigInteger),
    Column("bars", Text, nullable=False),  # JSON object, by symbol
    Column("sha256", Text, nullable=False),  # JSON object, by symbol
    Column("scores", Text, nullable=False),  # JSON list of HoldoutScore
    Column("opened_at", BigInteger),
    Column("scored_at", BigInteger),
    Column("position", Integer, nullable=False),  # of the last event folded
)
