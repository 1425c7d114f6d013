"""What an answer is worth: whether it says anything, and how a call that ended so is recorded."""

from application import llm_port as port
from domain.llm import Outcome
from infrastructure.llm.wire import Completion


def outcome_of(code: str, answered: bool) -> Outcome:
    """Tell how a call ended, by its code and by whether its last attempt brought an answer."""
    if not code:
        return "answered"
    return "refused" if answered and code != port.SERVER_ERROR else "failed"


def judged(completion: Completion) -> tuple[str, str]:
    """Tell whether a whole answer says anything: a code with words, or "" with the text."""
    if completion.error:
        return port.SERVER_ERROR, completion.error
    if completion.refusal or completion.finish == "content_filter":
        return port.REFUSED, f"the model declined: {completion.refusal or 'content filter'}"
    if completion.finish == "length":
        return port.TRUNCATED, "the answer is longer than was allowed"
    if not completion.whole and completion.text:
        return port.TRUNCATED, "the stream ended before the answer did"
    if not completion.text.strip():
        return port.EMPTY, "the answer has no words"
    return "", completion.text
