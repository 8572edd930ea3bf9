"""Docstrings of the usual styles."""

from __future__ import annotations

from inspect import cleandoc

import pytest
from fusewire_codegen.typescript.docstring import Docstring, parse

EXPECTED = Docstring(
    "Start a job.\n\nIt runs on.",
    {"job_id": "Which one, in two lines.", "dry_run": "Only check."},
    "Whether it began.",
    {"BudgetSpent": "Nothing is left.", "JobRunning": "It runs already."},
)

GOOGLE = """
    Start a job.

    It runs on.

    Args:
        job_id: Which one,
            in two lines.
        dry_run (bool, optional): Only check.

    Returns:
        bool: Whether it began.

    Raises:
        BudgetSpent: Nothing is left.
        JobRunning: It runs already.
"""

NUMPY = """
    Start a job.

    It runs on.

    Parameters
    ----------
    job_id : str
        Which one,
        in two lines.
    dry_run : bool, optional
        Only check.

    Returns
    -------
    bool
        Whether it began.

    Raises
    ------
    BudgetSpent
        Nothing is left.
    JobRunning
        It runs already.
"""

SPHINX = """
    Start a job.

    It runs on.

    :param job_id: Which one,
        in two lines.
    :param bool dry_run: Only check.
    :type job_id: str
    :returns: Whether it began.
    :rtype: bool
    :raises BudgetSpent: Nothing is left.
    :raises JobRunning: It runs already.
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_styles(text: str) -> None:
    assert parse(cleandoc(text)) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "One line.",
        "Args: are what this speaks of.",
        "Args:\nnothing below is indented.",
        "Args:",
        "A list:\n\n- a: b\n- c: d",
        "Example:\n    client.f(1)",
        "Title\n-----\nText.",
        "Time is 12:30, and :param is a word.",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert parse(text) == Docstring(text)


def test_what_follows_a_section_stays() -> None:
    said = parse("A.\n\nArgs:\n    x: X.\n\n    y: Y.\n\nB.\n\nExample:\n    f(1)")
    assert said == Docstring("A.\n\nB.\n\nExample:\n    f(1)", {"x": "X.", "y": "Y."})


def test_types_and_names() -> None:
    google = parse(
        "Args:\n    *args: All.\n    f (Callable[[int], str]): How: so.\n    Loose words.\n    g:\n        G."
    )
    assert google.params == {"args": "All.", "f": "How: so. Loose words.", "g": "G."}
    assert parse("Parameters\n----------\nx, y : int\n    Both.\nz").params == {
        "x": "Both.",
        "y": "Both.",
        "z": "",
    }
    assert parse("Returns\n-------\nThe sum.").returns == "The sum."
    assert parse("Yields:\n    Tokens: as they come.").returns == "as they come."
    assert parse("Yields:\n    All tokens: as they come.").returns == "All tokens: as they come."
