"""Strategy files come from anywhere an operator points to."""

from pathlib import Path

import pytest

from api.strategy_files import StrategyRefused, compiled


def test_strategy_file_when_it_never_ends_then_is_refused_after_its_beginning() -> None:
    with pytest.raises(StrategyRefused, match="at most 65,536 bytes"):
        compiled(Path("/dev/zero"))
