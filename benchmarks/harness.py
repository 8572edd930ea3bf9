"""Fair comparisons on a noisy machine: alternated slices, a ratio per pair, and the median of the ratios."""

from __future__ import annotations

import os
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server under load, one for who makes the load."""

    server: int
    load: int

    @property
    def shared(self) -> bool:
        return self.server == self.load


def pick_cores() -> Cores:
    """The last two cores that this process may use (the first serves most interrupts); with one core, that one twice."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(server=allowed[-1], load=allowed[-2] if len(allowed) > 1 else allowed[-1])


@dataclass(frozen=True, slots=True)
class Slice:
    """What one side did for a moment: `count` operations in `seconds`.

    `cpu`: the seconds that the server's process ran for them, `load_cpu` those of the load generator, where it is known.
    """

    count: int
    seconds: float
    cpu: float
    load_cpu: float = 0.0

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cost(self) -> float:
        """Seconds of CPU per operation. A slice can pass without one: a garbage collection takes as long."""
        return self.cpu / max(1, self.count)

    @property
    def busy(self) -> float:
        """Of a core, by the server."""
        return self.cpu / self.seconds

    @property
    def load_busy(self) -> float:
        return self.load_cpu / self.seconds


@dataclass(frozen=True, slots=True)
class Figure:
    """A median with its quartiles, and what else is worth printing when somebody doubts it."""

    value: float
    low: float
    high: float
    notes: str = ""

    @classmethod
    def of(cls, values: Sequence[float], notes: str = "") -> Figure:
        if len(values) < 2:
            return cls(values[0], values[0], values[0], notes)
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high, notes)


Measured = TypeVar("Measured")
Side = Callable[[], Awaitable[Measured]]


async def alternate(
    a: Side[Measured], b: Side[Measured], pairs: int, warm_up: int = 2
) -> list[tuple[Measured, Measured]]:
    """Run A, B, B, A, A, B, …: neighbours share the machine's mood, and neither is always first."""
    measured = []
    for number in range(-warm_up, pairs):
        if number % 2:
            second, first = await b(), await a()
        else:
            first, second = await a(), await b()
        if number >= 0:
            measured.append((first, second))
    return measured
