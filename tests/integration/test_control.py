"""A share of `python -m bench.control`: no luck taken for skill, and skill found where it is."""

import pytest

from bench.control import ON_WALKS, run


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 1 + len(ON_WALKS)))
def test_walk_when_nothing_can_be_earned_then_no_version_is_activated(seed: int) -> None:
    outcome = run("walk", seed)
    assert outcome.looks > 10
    assert outcome.tested == 16 * outcome.looks
    assert (outcome.activated, outcome.promoted) == ([], [])


@pytest.mark.long
def test_edge_when_it_is_there_then_is_found_and_kept_and_promoted() -> None:
    outcome = run("leaping", 102)
    assert outcome.activated
    assert outcome.kept
    assert outcome.promoted
