"""A model's settings: each is checked by name, and the key is in no message and no repr."""

from decimal import Decimal

import pytest

from infrastructure.settings import LlmSettings, SettingInvalid, load

KEY = "sk-distinctive-7f3a91"
WHOLE = {
    "PERPETUA_LLM_URL": "https://api.example.com/v1",
    "PERPETUA_LLM_MODEL": "gpt-x",
    "PERPETUA_LLM_KEY": KEY,
    "PERPETUA_LLM_TEMPERATURE": "0.2",
    "PERPETUA_LLM_SEED": "42",
    "PERPETUA_LLM_PRICE_IN": "0.27",
    "PERPETUA_LLM_PRICE_OUT": "1.1",
    "PERPETUA_LLM_TOKENS_PER_DAY": "200000",
    "PERPETUA_LLM_DOLLARS_PER_DAY": "2.50",
    "PERPETUA_LLM_TIMEOUT": "45",
    "PERPETUA_LLM_CUTOFF": "2024-06-30",
}


def test_llm_when_everything_is_set_then_everything_is_read() -> None:
    settings = load(WHOLE)
    llm = settings.llm

    assert llm.configured
    assert (llm.url, llm.model, str(llm.key)) == ("https://api.example.com/v1", "gpt-x", KEY)
    assert (llm.temperature, llm.seed, llm.timeout) == (0.2, 42, 45.0)
    assert (llm.price_in, llm.price_out) == (Decimal("0.27"), Decimal("1.1"))
    assert (llm.tokens_per_day, llm.dollars_per_day) == (200_000, Decimal("2.50"))
    assert llm.cutoff == 1_719_792_000_000  # 2024-07-01 00:00 UTC: all of the day may be known
    assert settings.secrets == (KEY,)


def test_llm_when_nothing_is_set_then_there_is_no_model() -> None:
    assert load({}).llm == LlmSettings()
    assert not LlmSettings().configured


def test_key_when_settings_are_shown_then_it_is_not() -> None:
    settings = load(WHOLE)

    assert KEY not in repr(settings)
    assert KEY not in repr(settings.llm)
    assert "[redacted]" in repr(settings.llm)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PERPETUA_LLM_URL", "api.example.com", "must be http"),
        ("PERPETUA_LLM_URL", "ftp://example.com", "must be http"),
        ("PERPETUA_LLM_URL", "http://[::1", "must be http"),
        ("PERPETUA_LLM_URL", "https://example.com/v1?key=1", "holds a query"),
        ("PERPETUA_LLM_URL", "https://example.com:99999/v1", "must be http"),
        ("PERPETUA_LLM_URL", "https://exa mple.com/v1", "must be http"),
        ("PERPETUA_LLM_URL", "", "must be set together"),
        ("PERPETUA_LLM_MODEL", "", "must be set together"),
        ("PERPETUA_LLM_TEMPERATURE", "hot", "must be a number, 0–2"),
        ("PERPETUA_LLM_TEMPERATURE", "2.1", "must be a number, 0–2"),
        ("PERPETUA_LLM_TEMPERATURE", "nan", "must be a number, 0–2"),
        ("PERPETUA_LLM_SEED", "-1", "must be a whole number"),
        ("PERPETUA_LLM_SEED", "4294967296", "must be a whole number"),
        ("PERPETUA_LLM_PRICE_IN", "-0.1", "must be a number of dollars"),
        ("PERPETUA_LLM_PRICE_OUT", "Infinity", "must be a number of dollars"),
        ("PERPETUA_LLM_PRICE_OUT", "0.0000001", "six decimals at most"),
        ("PERPETUA_LLM_PRICE_OUT", "", "must come with PERPETUA_LLM_PRICE_IN"),
        ("PERPETUA_LLM_TOKENS_PER_DAY", "many", "must be a whole number"),
        ("PERPETUA_LLM_DOLLARS_PER_DAY", "$5", "must be a number of dollars"),
        ("PERPETUA_LLM_TIMEOUT", "0", "must be seconds above 0"),
        ("PERPETUA_LLM_TIMEOUT", "1e9", "must be seconds, 0–3600"),
        ("PERPETUA_LLM_CUTOFF", "June", "must be a day"),
        ("PERPETUA_LLM_CUTOFF", "2024-02-30", "must be a day"),
    ],
)
def test_llm_when_a_value_is_wrong_then_it_is_named_with_what_is_allowed(
    name: str, value: str, words: str
) -> None:
    with pytest.raises(SettingInvalid, match=words) as caught:
        load({**WHOLE, name: value})

    assert "PERPETUA_LLM" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PERPETUA_LLM_KEY", f"{KEY}\n"),
        ("PERPETUA_LLM_KEY", f"Bearer {KEY}"),
        ("PERPETUA_LLM_KEY", f"{KEY}é"),
        ("PERPETUA_LLM_URL", f"https://me:{KEY}@example.com/v1"),
    ],
)
def test_llm_when_a_secret_is_wrong_then_it_is_named_but_not_told(name: str, value: str) -> None:
    with pytest.raises(SettingInvalid, match=name) as caught:
        load({**WHOLE, name: value})

    assert KEY not in str(caught.value)
