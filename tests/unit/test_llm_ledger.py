"""What calls may cost is on disk before they are made: a crash in between loosens no cap."""

from decimal import Decimal
from pathlib import Path

import pytest

from application.improvement.model.budget import Caps
from application.improvement.model.spending import Spending
from application.llm_port import Used
from application.ports import Batch
from infrastructure.llm.ledger import Ledger
from tests.fakes import MemoryLog
from tests.llm_samples import SampleBench, answer, author, brief, candidate
from tests.unit.test_llm_spending import DAY, NOON, TellingModel, called

TODAY = NOON // DAY


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


def test_cap_when_answers_were_lost_in_a_crash_then_they_count_in_the_next_run(file: Path) -> None:
    caps = Caps(tokens_per_day=80_000)
    codes = []
    for _ in range(4):  # each run is killed before its answer is recorded
        writer = author(
            TellingModel(answer(candidate())), caps, spent=Spending(MemoryLog(), Ledger(file))
        )
        codes.append(writer.write(brief(), SampleBench()).code)
    assert codes[0] == ""
    assert codes[-1] == "LLM_BUDGET"


class Killed(BaseException):
    pass


class DyingModel(TellingModel):
    def ask(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise Killed


def test_cap_when_killed_while_a_call_is_made_then_the_most_that_it_may_use_counts(
    file: Path,
) -> None:
    spending = Spending(MemoryLog(), Ledger(file))
    writer = author(DyingModel(), Caps(tokens_per_day=10**6), spent=spending)
    with pytest.raises(Killed):
        writer.write(brief(), SampleBench())
    found = Spending(MemoryLog(), Ledger(file))(TODAY)
    assert found.tokens > 8_192  # an answer as long as may be, and the prompt three times


def test_spending_when_the_log_holds_a_call_as_well_then_it_counts_once(file: Path) -> None:
    model = TellingModel(answer(candidate()))
    writer = author(model, Caps(tokens_per_day=10**6), spent=Spending(MemoryLog(), Ledger(file)))
    (call,) = writer.write(brief(), SampleBench()).calls
    log = MemoryLog()
    log.append(Batch(events=[called(1, call.called_at, 20_999)]))
    assert Spending(log, Ledger(file))(TODAY).tokens == 21_000


def test_ledger_when_opened_then_older_days_and_torn_lines_are_gone(file: Path) -> None:
    assert Ledger(file).load() == []
    assert not file.exists()
    ledger = Ledger(file)
    first = ledger.note(Used(NOON - DAY, 5, Decimal("0.1")))
    second = ledger.note(Used(NOON, 9_000, Decimal(2)))
    ledger.note(Used(NOON + 3, 7, Decimal("0.25")), second)
    with file.open("ab") as torn:
        torn.write(b"[7,17280")
    assert (first, second) == (0, 1)
    again = Ledger(file)
    assert again.load() == [Used(NOON + 3, 7, Decimal("0.25"))]
    assert len(file.read_bytes().splitlines()) == 1
    assert again.note(Used(NOON + 4, 1, Decimal(0))) == 1
    assert len(Ledger(file).load()) == 2


def test_cap_when_nothing_can_be_written_down_then_nobody_is_asked(file: Path) -> None:
    file.mkdir()
    model = TellingModel(answer(candidate()))
    writer = author(model, Caps(tokens_per_day=10**6), spent=Spending(MemoryLog(), Ledger(file)))
    told = writer.write(brief(), SampleBench())
    assert (told.code, told.calls) == ("LLM_BUDGET", ())
    assert "cannot be read" in told.reason
    assert len(model.answers) == 1


def test_ledger_when_a_line_is_no_text_then_the_others_are_read(file: Path) -> None:
    Ledger(file).note(Used(NOON, 5, Decimal("0.1")))
    with file.open("ab") as spoiled:
        spoiled.write(b'[1,2,3,"0.1\xff"]\n')
    assert Ledger(file).load() == [Used(NOON, 5, Decimal("0.1"))]
