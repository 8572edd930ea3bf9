"""The suite `faults`: what is left to find after links were cut, and workers and Redis killed, under load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.harness import Figure
from benchmarks.rows import faults
from benchmarks.table import Row


def _none(name: str, title: str, run: Callable[[Bench], Awaitable[Figure]]) -> Row:
    """There must be none."""
    return Row(name, title, run, better="lower", must=0, unit="", digits=0)


ROWS = (
    _none(
        "lost", "events lost while Redis kept its data (plain redis-py pub/sub: 33 of 33,079)", faults.lost
    ),
    _none("duplicated", "events delivered twice", faults.duplicated),
    _none("reordered", "events delivered out of order", faults.reordered),
    _none("strayed", "events delivered to somebody else", faults.strayed),
    _none("untold", "holes that the client was not told of", faults.untold),
    _none("deploy", "calls failed by a rolling deploy under load", faults.failed_by_deploy),
    Row(
        "resumed",
        "streams that came whole after 200 random cuts, and whose generator ran once",
        faults.streams_resumed,
        must=100,
        unit="%",
    ),
    Row(
        "back-p50",
        "TypeScript client back after SIGKILL of its worker, p50",
        faults.back_p50,
        better="lower",
        must=1,
        unit="s",
    ),
    Row("back-p99", "the same, p99", faults.back_p99, better="lower", must=5, unit="s"),
    _none("unsettled", "promises that never settled", faults.never_settled),
    _none("twice", "calls executed twice", faults.executed_twice),
)
