"""What calls used is counted once, on its UTC day, whether the log has it yet or not."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from api.authors import author_of, caps_of, model_of
from application.improvement.model.budget import Caps, Spent
from application.improvement.model.spending import Spending
from application.llm_port import Message, Reply
from application.ports import Batch
from domain.llm import LlmCalled
from infrastructure.settings import SettingInvalid, load
from tests.fakes import MemoryLog
from tests.llm_samples import SampleBench, answer, author, brief, candidate

DAY = 86_400_000
NOON = 20_000 * DAY + DAY // 2
ENVIRONMENT = {
    "PERPETUA_LLM_URL": "http://127.0.0.1:9/v1",
    "PERPETUA_LLM_MODEL": "m",
    "PERPETUA_LLM_KEY": "sk-distinctive-7f3a91",
}


def called(version: int, at: int, tokens: int, cost: str = "0.5") -> LlmCalled:
    return LlmCalled(
        stream="llm",
        stream_version=version,
        kind="input",
        occurred_at=0,
        correlation_id="recode/fade/1",
        actor="author:llm",
        purpose="recode",
        outcome="failed",
        code="LLM_TIMEOUT",
        detail="",
        strategy="fade",
        number=1,
        symbol="",
        model="m",
        temperature=0.7,
        seed=1,
        prompt_sha="",
        response_sha="",
        prompt_tokens=tokens,
        completion_tokens=1,
        cost=Decimal(cost),
        latency_ms=1,
        called_at=at,
    )


class TellingModel:
    """A model that answers what it was given, at a time of its own."""

    name = "told-1"

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.at = NOON

    def now(self) -> int:
        return self.at

    def ask(self, messages: tuple[Message, ...], **asked: Any) -> Reply:
        self.at += 1_000
        return Reply(
            outcome="answered",
            text=self.answers.pop(0),
            model=self.name,
            temperature=asked["temperature"],
            seed=asked["seed"],
            prompt_tokens=20_000,
            completion_tokens=1_000,
            latency_ms=5,
            called_at=self.at,
        )


def test_spending_when_the_log_grows_then_each_call_is_counted_once_on_its_day() -> None:
    log = MemoryLog()
    spending = Spending(log)
    assert spending(20_000) == Spent()

    log.append(Batch(events=[called(1, NOON, 10), called(2, NOON + DAY, 100)]))
    assert spending(20_000) == Spent(tokens=11, dollars=Decimal("0.5"), latest=NOON)

    log.append(Batch(events=[called(3, NOON + 5, 1_000)]))
    for _ in range(2):
        assert spending(20_000) == Spent(tokens=1_012, dollars=Decimal("1.0"), latest=NOON + 5)
    assert spending(20_001) == Spent(tokens=101, dollars=Decimal("0.5"), latest=NOON + DAY)


def test_cap_when_answers_are_not_recorded_yet_then_they_count_all_the_same() -> None:
    model = TellingModel(*[answer(candidate())] * 5)
    log = MemoryLog()
    writer = author(model, Caps(tokens_per_day=80_000), spent=Spending(log))

    codes = [writer.write(brief(), SampleBench()).code for _ in range(5)]

    first = codes.index("LLM_BUDGET")
    assert 0 < first < 5
    assert codes == [""] * first + ["LLM_BUDGET"] * (5 - first)
    assert len(model.answers) == 5 - first

    model.at = NOON + DAY
    assert writer.write(brief(), SampleBench()).code == ""


def test_cap_when_an_answer_was_recorded_meanwhile_then_it_counts_once() -> None:
    model = TellingModel(*[answer(candidate())] * 2)
    log = MemoryLog()
    writer = author(model, Caps(tokens_per_day=65_000), spent=Spending(log))

    (call,) = writer.write(brief(), SampleBench()).calls
    log.append(Batch(events=[called(1, call.called_at, 20_999)]))

    assert writer.write(brief(), SampleBench()).code == ""


def test_cap_when_two_ask_at_once_then_neither_fills_what_the_other_was_given() -> None:
    model = TellingModel(*[answer(candidate())] * 8)
    spending = Spending(MemoryLog())
    caps = Caps(tokens_per_day=100_000)
    writers = [author(model, caps, spent=spending) for _ in range(8)]

    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda each: each.write(brief(), SampleBench()).code, writers))

    assert 0 < codes.count("") < 8
    assert codes.count("") == 8 - len(model.answers)
    assert 21_000 * codes.count("") <= 100_000
    assert spending(NOON // DAY).tokens == 21_000 * codes.count("")


def test_author_when_there_is_no_model_then_the_settings_to_set_are_named() -> None:
    with pytest.raises(SettingInvalid, match="PERPETUA_LLM_URL and PERPETUA_LLM_MODEL"):
        author_of("llm", load({}), MemoryLog())


def test_author_when_there_is_a_model_then_it_asks_that_one() -> None:
    settings = load(ENVIRONMENT)

    assert author_of("llm", settings, MemoryLog()).kind == "llm"
    model = model_of(settings)
    assert model.name == "m"
    assert "sk-distinctive" not in repr(model)


def test_caps_when_nothing_has_a_price_then_dollars_have_no_cap() -> None:
    priced = {"PERPETUA_LLM_PRICE_IN": "1", "PERPETUA_LLM_PRICE_OUT": "2"}

    assert caps_of(load(ENVIRONMENT).llm) == Caps(tokens_per_day=1_000_000)
    assert caps_of(load({**ENVIRONMENT, **priced}).llm) == Caps(
        tokens_per_day=1_000_000,
        dollars_per_day=Decimal(5),
        price_in=Decimal(1),
        price_out=Decimal(2),
    )
