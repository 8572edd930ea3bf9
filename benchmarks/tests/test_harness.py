"""What turns slices into a figure."""

from __future__ import annotations

import pytest

from benchmarks.harness import Figure, alternate
from benchmarks.table import Outcome, Row, render


async def _nothing(_bench: object) -> Figure:
    raise AssertionError("these tests look at rows, and measure none")


ROW = Row("name", "title", _nothing, must=2.0, moonshot=3.0)


async def test_sides_take_turns_and_neither_is_always_first() -> None:
    order: list[str] = []

    async def side(name: str) -> str:
        order.append(name)
        return name

    pairs = await alternate(lambda: side("a"), lambda: side("b"), 4, warm_up=2)
    assert "".join(order) == "abbaabbaabba"
    assert pairs == [("a", "b")] * 4


def test_a_figure_is_a_median_with_quartiles() -> None:
    figure = Figure.of([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (figure.low, figure.value, figure.high) == (2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("better", "value", "holds"),
    [("higher", 2.0, True), ("higher", 1.9, False), ("lower", 2.0, True), ("lower", 2.1, False)],
)
def test_a_target_holds_on_its_side(better: str, value: float, holds: bool) -> None:
    row = Row("name", "title", _nothing, must=2.0, better="lower" if better == "lower" else "higher")
    assert Outcome(row, Figure.of([value])).holds is holds


def test_what_could_not_be_measured_does_not_hold() -> None:
    outcome = Outcome(ROW, None, "RuntimeError: no node on PATH")
    assert outcome.holds is False
    assert outcome.record()["error"] == "RuntimeError: no node on PATH"


def test_information_neither_holds_nor_fails() -> None:
    assert Outcome(Row("name", "title", _nothing), Figure.of([1.0])).holds is None


def test_the_table_as_markdown() -> None:
    lines = render([Outcome(ROW, Figure.of([2.5, 2.5], "notes"))], markdown=True).splitlines()
    assert lines[1] == "|---|---|---|---|---|---|---|---|"
    assert lines[2] == "| name | title | 2.50 x | 2.50 to 2.50 | >= 2 | >= 3 | yes | no |"
