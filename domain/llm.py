"""What was asked of a language model, what it answered, and what that cost: for ever, as it was.

A call is an INPUT: it cannot be made again with the same result. Prompt and response are blobs, by
their digests. No secret is among them.
"""

from decimal import Decimal
from typing import Literal

from domain.event import Event, topic

STREAM = "llm"

Purpose = Literal["recode", "repair", "regime"]
Outcome = Literal["answered", "refused", "failed"]


@topic("llm.called/1")
class LlmCalled(Event, frozen=True, kw_only=True):
    purpose: Purpose
    outcome: Outcome  # answered; refused: an answer that says nothing usable; failed: no answer
    code: str  # "" where answered, else stable, e.g. LLM_TIMEOUT
    detail: str  # one line for a human
    strategy: str  # "" where it was about none
    number: int  # of the look; 0 where it was about none
    symbol: str  # "" where it was about none
    model: str
    temperature: float
    seed: int | None
    prompt_sha: str  # blob
    response_sha: str  # blob, as it came; "" where nothing came
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal  # dollars, at the prices that were set
    latency_ms: int
    called_at: int  # ms UTC, of the wall clock: caps are per UTC day
