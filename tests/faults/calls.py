"""What became of calls, and what of it no server may ever do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

OK = "ok"
MAYBE = "CONNECTION_LOST, maybe executed"
UNSTARTED = "CONNECTION_LOST, not executed"
NEVER = "never settled"
REFUSED = (UNSTARTED, "UNAVAILABLE")
"""Outcomes that promise that the call was not started."""


@dataclass(frozen=True, slots=True)
class Made:
    """One call. `outcome`: one of the above, or the code of its error. `wrong`: what was not as it should be in the answer.

    `noted`: whether the app notes each execution of it, by its key. Times are of the loop's clock.
    """

    key: str
    began: float
    ended: float
    outcome: str
    wrong: str = ""
    noted: bool = True


@dataclass
class Calls:
    """`failed`: by their outcome."""

    made: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    twice: int = 0
    """Executed more than once, or although the caller was told that it was not started."""
    wrong: list[str] = field(default_factory=list)
    """Answers that no server may give, and results of calls that never ran."""


def check_calls(made: Iterable[Made], executions: Counter[str]) -> Calls:
    calls = Calls()
    for call in made:
        calls.made += 1
        if call.outcome != OK:
            calls.failed[call.outcome] += 1
        calls.unsettled += call.outcome == NEVER
        ran = executions[call.key]
        calls.twice += ran > (call.outcome not in REFUSED)
        if call.outcome == OK and call.noted and not ran:
            calls.wrong.append(f"{call.key} has a result and never ran")
        if call.wrong:
            calls.wrong.append(f"{call.key} {call.wrong}")
    return calls
