"""What is wrong with calls is found in made-up ones, and nothing where nothing is."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.calls import MAYBE, NEVER, OK, REFUSED, Calls, Made, check_calls


def made(outcome: str, *, ran: int, wrong: str = "", noted: bool = True) -> Calls:
    return check_calls([Made("one", 0, 1, outcome, wrong, noted)], Counter({"one": ran}))


@pytest.mark.parametrize(
    ("outcome", "ran"), [(OK, 1), (MAYBE, 0), (MAYBE, 1), ("INTERNAL", 1), *((r, 0) for r in REFUSED)]
)
def test_nothing_is_wrong(outcome: str, ran: int) -> None:
    calls = made(outcome, ran=ran)
    assert (calls.made, calls.twice, calls.unsettled, calls.wrong) == (1, 0, 0, [])
    assert calls.failed.total() == (outcome != OK)


@pytest.mark.parametrize("outcome", [OK, MAYBE, "INTERNAL"])
def test_twice(outcome: str) -> None:
    assert made(outcome, ran=2).twice == 1


@pytest.mark.parametrize("outcome", REFUSED)
def test_run_although_the_client_was_told_that_it_was_not(outcome: str) -> None:
    assert made(outcome, ran=1).twice == 1


def test_never_settled() -> None:
    assert made(NEVER, ran=1).unsettled == 1


def test_a_result_of_what_never_ran() -> None:
    assert len(made(OK, ran=0).wrong) == 1
    assert made(OK, ran=0, noted=False).wrong == []


def test_somebody_else_s_result() -> None:
    assert made(OK, ran=1, wrong="got the result of two").wrong == ["one got the result of two"]
