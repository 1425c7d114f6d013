"""Who writes candidates: put together from the settings, in one place.

Whatever is asked of a model counts against the caps of the home whose log is given.
"""

from collections.abc import Callable

from application.improvement.authoring import Author
from application.improvement.model import reference
from application.improvement.model.author import LlmAuthor
from application.improvement.model.budget import Caps
from application.improvement.model.spending import Spending
from application.improvement.search.author import SearchAuthor
from application.llm_port import ChatModel
from application.ports import LogReader
from domain.improvement import AuthorKind
from infrastructure.settings import LlmSettings, SettingInvalid, Settings


def never() -> bool:
    return False


def author_of(
    kind: AuthorKind,
    settings: Settings,
    log: LogReader,
    spending: Spending | None = None,
    stopped: Callable[[], bool] = never,
) -> Author:
    """Put an author together; `spending` is shared with whoever else asks a model, who is asked
    until `stopped` says so.

    Raises `SettingInvalid` where there is no model to ask.
    """
    if kind == "search":
        return SearchAuthor()
    return LlmAuthor(
        model_of(settings, stopped),
        reference.language(),
        caps_of(settings.llm),
        spending or Spending(log),
        temperature=settings.llm.temperature,
        seed=settings.llm.seed,
    )


def model_of(settings: Settings, stopped: Callable[[], bool] = never) -> ChatModel:
    """Give the model that the settings name. Raises `SettingInvalid` where they name none."""
    llm = settings.llm
    url, model = named(llm)
    from infrastructure.llm.openai_chat import OpenAiChat  # a second to import: only who asks

    return OpenAiChat(
        url=url,
        model=model,
        key=llm.key,
        timeout=llm.timeout,
        secrets=settings.secrets,
        stopped=stopped,
    )


def named(llm: LlmSettings) -> tuple[str, str]:
    """Give the server's address and its model. Raises `SettingInvalid` where there is none."""
    if llm.url is None or llm.model is None:
        raise SettingInvalid(
            "PERPETUA_LLM_URL and PERPETUA_LLM_MODEL were not set, must be: the server to ask and "
            "its model"
        )
    return llm.url, llm.model


def caps_of(llm: LlmSettings) -> Caps:
    """Give a day's caps; without prices there is none on dollars, since nothing costs any."""
    priced = llm.price_in > 0 or llm.price_out > 0
    return Caps(
        tokens_per_day=llm.tokens_per_day,
        dollars_per_day=llm.dollars_per_day if priced else None,
        price_in=llm.price_in,
        price_out=llm.price_out,
    )
