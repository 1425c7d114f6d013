"""Settings from the environment, read once, in one place.

Flags of the command line come first, then the environment, then the defaults written here. Safety
limits are not settings: nothing in this module can loosen one.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast, get_args

from msgspec import Struct

LogForm = Literal["json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]
FeedName = Literal["live", "recorded", "synthetic"]

DEFAULT_PORT = 8000
DEFAULT_VENUES = ("binance", "kraken", "coinbase", "kucoin")
SECRET_NAME = re.compile(r"^PERPETUA_.*_(KEY|SECRET|TOKEN|PASSWORD|PASSPHRASE)$")


class SettingInvalid(ValueError):
    """An environment variable holds what it may not: names it, its value and what is allowed."""


class Settings(Struct, frozen=True, kw_only=True):
    home: Path | None = None  # PERPETUA_HOME: where all state lives; var/<feed> when unset
    data: Path | None = None  # PERPETUA_DATA: directory of recorded candles
    log: LogForm = "json"  # PERPETUA_LOG: how a log line is written
    log_level: LogLevel | None = None  # PERPETUA_LOG_LEVEL: info in files, warning on a terminal
    port: int | None = None  # PERPETUA_PORT: the API's; 8000 or the next free one when unset
    venues: tuple[str, ...] = DEFAULT_VENUES  # PERPETUA_VENUES: asked in this order
    venue_url: str | None = None  # PERPETUA_VENUE_URL: a proxy in place of the venue's own address
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
        secrets=tuple(
            sorted(
                value for name, value in environment.items() if value and SECRET_NAME.match(name)
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
