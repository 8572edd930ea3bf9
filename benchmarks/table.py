"""Targets, and the table that says whether they hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.bench import Bench
from benchmarks.harness import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `better` says on which side of `must` and `moonshot` it shall be; without `must` it is information."""

    name: str
    title: str
    run: Callable[[Bench], Awaitable[Figure]]
    better: Literal["higher", "lower"] = "higher"
    must: float | None = None
    moonshot: float | None = None
    unit: str = "x"
    digits: int = 2

    def holds(self, value: float, target: float | None) -> bool | None:
        if target is None:
            return None
        return value >= target if self.better == "higher" else value <= target


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row's figure, or why there is none."""

    row: Row
    figure: Figure | None
    error: str = ""

    @property
    def holds(self) -> bool | None:
        return self.row.holds(self.figure.value, self.row.must) if self.figure else False

    def record(self) -> dict[str, Any]:
        row, figure = self.row, self.figure
        return {
            "row": row.name,
            "title": row.title,
            "unit": row.unit,
            "better": row.better,
            "must": row.must,
            "moonshot": row.moonshot,
            **(asdict(figure) if figure else {"error": self.error}),
            "holds": self.holds,
            "moonshot_holds": row.holds(figure.value, row.moonshot) if figure else False,
        }

    def cells(self) -> list[str]:
        row, figure = self.row, self.figure
        if figure is None:
            return [row.name, row.title, "none", self.error, _target(row, row.must), "", "no", ""]
        number = f"{{:.{row.digits}f}}".format
        return [
            row.name,
            row.title,
            f"{number(figure.value)} {row.unit}",
            f"{number(figure.low)} to {number(figure.high)}",
            _target(row, row.must),
            _target(row, row.moonshot),
            _said(self.holds),
            _said(row.holds(figure.value, row.moonshot)),
        ]


HEADINGS = ["row", "figure", "value", "quartiles", "must", "moonshot", "holds", "moonshot holds"]


def render(outcomes: Sequence[Outcome], *, markdown: bool) -> str:
    cells = [HEADINGS, *(outcome.cells() for outcome in outcomes)]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in cells]
        return "\n".join([lines[0], "|" + "---|" * len(HEADINGS), *lines[1:]])
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _target(row: Row, target: float | None) -> str:
    if target is None:
        return ""
    return f"{'>=' if row.better == 'higher' else '<='} {target:g}"


def _said(holds: bool | None) -> str:
    return "" if holds is None else "yes" if holds else "no"
