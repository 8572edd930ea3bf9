"""The checker finds each fault in made-up histories, and none where there is none."""

from __future__ import annotations

import pytest

from tests.faults.checker import Gap, History, Report, Seen, Writer, check

ROOM = "room:a"


def told(
    *entries: int | str, topics: tuple[str, ...] = (ROOM,), taken: tuple[int, ...] = (0, 1, 2, 3)
) -> Report:
    """Numbers are events of the room's writer, who tried 0 to 3; a text is a gap in that topic."""
    writers = [Writer("w", ROOM, 4, set(taken)), Writer("other", "user:bob", 4, set())]
    history = History(
        "ann", topics, [Gap(entry) if isinstance(entry, str) else Seen(ROOM, "w", entry) for entry in entries]
    )
    return check(writers, [history])


def test_all_in_order_is_no_fault() -> None:
    report = told(0, 1, 2, 3)
    assert report.faults == []
    assert (report.owed, report.missing, report.gaps) == (4, 0, 0)


@pytest.mark.parametrize("seen", [(1, 2, 3), (0, 1, 3), (0, 1, 2), ()])
def test_a_hole_that_nobody_told(seen: tuple[int, ...]) -> None:
    report = told(*seen)
    assert len(report.lost) == 1
    assert report.missing == 4 - len(seen)
    assert report.faults == report.lost


def test_a_hole_that_was_told_is_missing_and_not_lost() -> None:
    report = told(0, ROOM, 3)
    assert (report.faults, report.missing, report.gaps) == ([], 2, 1)


@pytest.mark.parametrize("entries", [(ROOM, 0, 3), (0, 3, ROOM), (0, "room:b", 3)])
def test_a_gap_elsewhere_excuses_nothing(entries: tuple[int | str, ...]) -> None:
    assert len(told(*entries).lost) == 1


def test_each_hole_needs_a_gap_of_its_own() -> None:
    assert len(told(0, ROOM, 2).lost) == 1


def test_what_was_not_taken_may_be_missing_or_not() -> None:
    assert told(0, 3, taken=(0, 3)).faults == []
    assert told(0, 1, 2, 3, taken=(0, 3)).faults == []


def test_twice() -> None:
    report = told(0, 1, 1, 2, 3)
    assert len(report.duplicated) == 1
    assert report.faults == report.duplicated


def test_twice_after_others() -> None:
    report = told(0, 1, 2, 0, 3)
    assert len(report.duplicated) == 1
    assert report.faults == report.duplicated


def test_out_of_order_is_not_lost() -> None:
    report = told(0, 2, 1, 3)
    assert len(report.reordered) == 1
    assert report.faults == report.reordered


def test_somebody_else_s() -> None:
    report = told(0, topics=("user:ann",))
    assert len(report.strayed) == 1
    assert report.owed == 0


def test_never_sent() -> None:
    assert len(told(0, 1, 2, 3, 4).strayed) == 1
    history = History("ann", (ROOM,), [Seen(ROOM, "nobody", 0)])
    assert len(check([], [history]).strayed) == 1


def test_under_another_topic() -> None:
    history = History("ann", (ROOM,), [Seen("all", "w", 0)])
    report = check([Writer("w", ROOM, 1, set())], [history])
    assert len(report.strayed) == 1
