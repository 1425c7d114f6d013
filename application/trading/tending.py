"""What is seen to between two steps: looks that are due, versions that go, accounts handed over.

Control words hold for a whole segment of steps, so all of this decides where segments end; nothing
here depends on how bars were cut into blocks.
"""

from collections.abc import Sequence

import numpy as np

from application.trading.desk import Desk
from application.trading.looking import called, earliest, first_possible, improvable, look
from application.trading.run import LANES, LIVE, Run
from domain.timeframe import DAY

LIVE_LANE = LANES.index(LIVE)


def tend(desk: Desk) -> None:
    """See to what is due after the last step."""
    hand_over(desk)
    if desk.next_bar % DAY == 0:
        dismiss(desk)
    desk.regimes.fall_due(desk.next_bar)
    look(desk)


def next_stop(desk: Desk, opens: Sequence[int], at: int) -> int:
    """Find where something may next be due: the index of the bar before which a segment ends."""
    if any(handing_over(desk, name) or called(desk, desk.strategies[name]) for name in desk.live):
        return at + 1
    classified = classified_after(desk, opens, at)
    midnight = int(opens[at]) // DAY * DAY + DAY
    due: list[int] = [midnight] if any(leaving(desk, run) for run in desk.runs) else []
    if desk.improvement.policy is not None:
        due += [max(moment, midnight) for moment in looks(desk)]
    return min(classified, int(np.searchsorted(opens, min(due))) if due else len(opens))


def classified_after(desk: Desk, opens: Sequence[int], at: int) -> int:
    """Find the index of the bar before which a regime may fall due: after a step, not before."""
    moment = desk.regimes.next_due()
    if moment is None:
        return len(opens)
    return max(int(np.searchsorted(opens, moment - desk.base_ms)), at) + 1


def looks(desk: Desk) -> list[int]:
    """Give the midnights from which on strategies may be looked at."""
    found: list[int] = []
    for run in desk.runs:
        strategy = desk.strategies[run.strategy]
        if strategy.champion == run.version and improvable(strategy):
            found.append(max(earliest(desk, strategy, run), first_possible(desk)))
    return found


def leaving(desk: Desk, run: Run) -> bool:
    """Tell whether a run goes as soon as it holds nothing."""
    strategy = desk.strategies[run.strategy]
    version = strategy.find(run.version)
    if version is not None and version is strategy.next_live:  # it may go live yet
        return False
    judged = version is None or version.retired or version.rejected
    return judged and run.replaced(strategy) and desk.holder(run.strategy) != run.version


def dismiss(desk: Desk) -> None:
    """Let go of the runs of versions that were judged and hold nothing any more."""
    desk.runs = [run for run in desk.runs if not (leaving(desk, run) and run.idle)]


def handing_over(desk: Desk, strategy: str) -> bool:
    """Tell whether the live account is with another version than the one that trades live."""
    live = desk.strategies[strategy].live
    return bool(live) and desk.holder(strategy) != live


def hand_over(desk: Desk) -> None:
    """Give live accounts to the versions that trade them, once they are flat."""
    for strategy in sorted(desk.live):
        if not handing_over(desk, strategy):
            continue
        before = desk.run_of(strategy, desk.holder(strategy))
        after = desk.run_of(strategy, desk.strategies[strategy].live)
        if before is None or after is None:
            raise ValueError(f"{strategy} has no run to hand its live account over")
        account = after.live.portfolio
        if account.positions or account.orders:
            continue
        after.runner.receive(LIVE_LANE, before.runner.hand(LIVE_LANE))
        after.saved = after.runner.state()
        desk.live[strategy].holder = after.version
