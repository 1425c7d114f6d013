"""Settings come from the environment alone, and a wrong one is named with what is allowed."""

from pathlib import Path

import pytest

from infrastructure.settings import LlmSettings, Secret, SettingInvalid, Settings, load


def test_settings_when_environment_is_empty_then_defaults_hold() -> None:
    settings = load({})

    assert settings == Settings()
    assert settings.home_for("synthetic") == Path("var/synthetic")


def test_settings_when_everything_is_set_then_everything_is_read() -> None:
    settings = load(
        {
            "PERPETUA_HOME": "/srv/home",
            "PERPETUA_DATA": "/srv/data",
            "PERPETUA_LOG": "console",
            "PERPETUA_LOG_LEVEL": "debug",
            "PERPETUA_PORT": "9000",
            "PERPETUA_VENUES": "kraken, binance",
            "PERPETUA_VENUE_URL": "http://localhost:1",
            "PERPETUA_LLM_KEY": "sk-live-1",
        }
    )

    assert settings == Settings(
        home=Path("/srv/home"),
        data=Path("/srv/data"),
        log="console",
        log_level="debug",
        port=9000,
        venues=("kraken", "binance"),
        venue_url="http://localhost:1",
        llm=LlmSettings(key=Secret("sk-live-1")),
        secrets=("sk-live-1",),
    )
    assert settings.home_for("live") == Path("/srv/home")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PERPETUA_LOG", "xml", "must be one of json, console"),
        ("PERPETUA_LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("PERPETUA_PORT", "eighty", "must be a port"),
        ("PERPETUA_PORT", "70000", "must be a port"),
    ],
)
def test_settings_when_a_value_is_wrong_then_it_is_named_with_what_is_allowed(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingInvalid, match=f"{name} was '{value}', {allowed}"):
        load({name: value})
