"""Settings from the environment, read once, in one place.

Flags of the command line come first, then the environment, then the defaults written here. Safety
limits are not settings: nothing in this module can loosen one.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

from msgspec import Struct

LogForm = Literal["json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]
FeedName = Literal["live", "recorded", "synthetic"]
T = TypeVar("T", int, None)

DEFAULT_PORT = 8000
DEFAULT_VENUES = ("binance", "kraken", "coinbase", "kucoin")
SECRET_NAME = re.compile(r"^PERPETUA_.*_(KEY|SECRET|TOKEN|PASSWORD|PASSPHRASE)$")


class SettingInvalid(ValueError):
    """An environment variable holds what it may not: names it, its value and what is allowed."""


class Secret(str):
    """A value that no repr shows; `str` of it is the value itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[redacted]'" if self else "''"


class LlmSettings(Struct, frozen=True, kw_only=True):
    """One language model: where it is, what it costs, and what it may use."""

    url: str | None = None  # PERPETUA_LLM_URL: base URL of a chat completions server, e.g. …/v1
    model: str | None = None  # PERPETUA_LLM_MODEL: as the server calls it
    key: Secret = Secret("")  # PERPETUA_LLM_KEY: none for a local server
    temperature: float = 0.7  # PERPETUA_LLM_TEMPERATURE: 0 … 2
    seed: int | None = None  # PERPETUA_LLM_SEED: each request's own when unset
    price_in: Decimal = Decimal(0)  # PERPETUA_LLM_PRICE_IN: dollars per million tokens of a prompt
    price_out: Decimal = Decimal(0)  # PERPETUA_LLM_PRICE_OUT: of an answer
    tokens_per_day: int = 1_000_000  # PERPETUA_LLM_TOKENS_PER_DAY: by UTC day
    dollars_per_day: Decimal = Decimal(5)  # PERPETUA_LLM_DOLLARS_PER_DAY: needs the prices
    timeout: float = 120.0  # PERPETUA_LLM_TIMEOUT: s, for a question with all its attempts
    cutoff: int | None = None  # PERPETUA_LLM_CUTOFF: end of the last day that it may know (ms UTC)

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return self.url is not None and self.model is not None


class Settings(Struct, frozen=True, kw_only=True):
    home: Path | None = None  # PERPETUA_HOME: where all state lives; var/<feed> when unset
    data: Path | None = None  # PERPETUA_DATA: directory of recorded candles
    log: LogForm = "json"  # PERPETUA_LOG: how a log line is written
    log_level: LogLevel | None = None  # PERPETUA_LOG_LEVEL: info in files, warning on a terminal
    port: int | None = None  # PERPETUA_PORT: the API's; 8000 or the next free one when unset
    venues: tuple[str, ...] = DEFAULT_VENUES  # PERPETUA_VENUES: asked in this order
    venue_url: str | None = None  # PERPETUA_VENUE_URL: a proxy in place of the venue's own address
    llm: LlmSettings = LlmSettings()
    secrets: tuple[str, ...] = ()  # values that no log line may hold

    def home_for(self, feed: str) -> Path:
        """The directory that holds the state of one feed."""
        return self.home if self.home is not None else Path("var") / feed


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises `SettingInvalid`."""
    return Settings(
        home=path_of(environment, "PERPETUA_HOME"),
        data=path_of(environment, "PERPETUA_DATA"),
        log=cast(LogForm, choice(environment, "PERPETUA_LOG", get_args(LogForm), "json")),
        log_level=level_of(environment, "PERPETUA_LOG_LEVEL"),
        port=port_of(environment, "PERPETUA_PORT"),
        venues=names_of(environment, "PERPETUA_VENUES", DEFAULT_VENUES),
        venue_url=environment.get("PERPETUA_VENUE_URL") or None,
        llm=llm_of(environment),
        secrets=tuple(
            sorted(
                Secret(value)
                for name, value in environment.items()
                if value and SECRET_NAME.match(name)
            )
        ),
    )


def path_of(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value).expanduser() if value else None


def choice(
    environment: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str
) -> str:
    value = environment.get(name) or default
    if value not in allowed:
        raise SettingInvalid(f"{name} was {value!r}, must be one of {', '.join(allowed)}")
    return value


def level_of(environment: Mapping[str, str], name: str) -> LogLevel | None:
    if not environment.get(name):
        return None
    return cast(LogLevel, choice(environment, name, get_args(LogLevel), ""))


def port_of(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name)
    if not value:
        return None
    if not value.isdecimal() or int(value) > 65535:
        raise SettingInvalid(f"{name} was {value!r}, must be a port, 0–65535 (0: any free one)")
    return int(value)


def names_of(
    environment: Mapping[str, str], name: str, default: tuple[str, ...]
) -> tuple[str, ...]:
    value = environment.get(name)
    if not value:
        return default
    return tuple(part.strip() for part in value.split(",") if part.strip())


def llm_of(environment: Mapping[str, str]) -> LlmSettings:
    prices = ("PERPETUA_LLM_PRICE_IN", "PERPETUA_LLM_PRICE_OUT")
    capped = environment.get("PERPETUA_LLM_DOLLARS_PER_DAY")
    if capped and not all(environment.get(name) for name in prices):
        raise SettingInvalid(
            f"PERPETUA_LLM_DOLLARS_PER_DAY was {capped!r}, must come with {' and '.join(prices)}: "
            "without prices nothing costs anything"
        )
    url, model = url_of(environment, "PERPETUA_LLM_URL"), environment.get("PERPETUA_LLM_MODEL")
    if (url is None) != (not model):
        raise SettingInvalid(
            f"PERPETUA_LLM_URL was {url!r} and PERPETUA_LLM_MODEL was {model!r}, must be set "
            "together"
        )
    dollars = ("a number of dollars", Decimal(1_000_000))
    return LlmSettings(
        url=url,
        model=model or None,
        key=key_of(environment, "PERPETUA_LLM_KEY"),
        temperature=float(
            number(environment, "PERPETUA_LLM_TEMPERATURE", "0.7", "a number", Decimal(2))
        ),
        seed=whole(environment, "PERPETUA_LLM_SEED", None, 2**31 - 1),
        price_in=number(environment, prices[0], "0", *dollars),
        price_out=number(environment, prices[1], "0", *dollars),
        tokens_per_day=whole(environment, "PERPETUA_LLM_TOKENS_PER_DAY", 1_000_000, 10**12),
        dollars_per_day=number(environment, "PERPETUA_LLM_DOLLARS_PER_DAY", "5", *dollars),
        timeout=seconds(environment, "PERPETUA_LLM_TIMEOUT", "120", 3600),
        cutoff=end_of_day(environment, "PERPETUA_LLM_CUTOFF"),
    )


def url_of(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name)
    if not value:
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname if parts.port != 0 and not any(map(str.isspace, value)) else None
    except ValueError:
        host = None
    # Where it may hold a secret the value is not told.
    if "@" in value:
        raise SettingInvalid(f"{name} holds a user or password, must be without: a key has its own")
    if "?" in value or "#" in value:
        raise SettingInvalid(
            f"{name} holds a query or fragment, must be without: a key has its own"
        )
    if not host or parts.scheme not in ("http", "https"):
        raise SettingInvalid(f"{name} was {value!r}, must be http(s)://host…, such as …/v1")
    return value


def key_of(environment: Mapping[str, str], name: str) -> Secret:
    value = environment.get(name, "")
    if not value.isascii() or any(c.isspace() or not c.isprintable() for c in value):
        raise SettingInvalid(f"{name} holds spaces or signs that no key has, must be one word")
    return Secret(value)


def number(
    environment: Mapping[str, str], name: str, default: str, what: str, most: Decimal
) -> Decimal:
    value = environment.get(name) or default
    try:
        given = Decimal(value)
    except InvalidOperation:
        given = Decimal("nan")
    exponent = given.as_tuple().exponent
    if not given.is_finite() or not isinstance(exponent, int) or exponent < -6:
        given = Decimal(-1)
    if not 0 <= given <= most:
        raise SettingInvalid(
            f"{name} was {value!r}, must be {what}, 0–{most}, six decimals at most"
        )
    return given


def whole(environment: Mapping[str, str], name: str, default: T, most: int) -> int | T:
    value = environment.get(name)
    if not value:
        return default
    if not value.isascii() or not value.isdecimal() or len(value) > 15 or int(value) > most:
        raise SettingInvalid(f"{name} was {value!r}, must be a whole number, 0–{most}")
    return int(value)


def seconds(environment: Mapping[str, str], name: str, default: str, most: int) -> float:
    given = float(number(environment, name, default, "seconds", Decimal(most)))
    if given == 0:
        raise SettingInvalid(f"{name} was '0', must be seconds above 0, to {most}")
    return given


def end_of_day(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name)
    if not value:
        return None
    try:
        day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        after = day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise SettingInvalid(f"{name} was {value!r}, must be a day, such as 2024-06-30") from None
    return int(after.timestamp()) * 1000
