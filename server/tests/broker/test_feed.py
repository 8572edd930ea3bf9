"""The order of one topic, alone: what Redis may do with frames, and what comes out."""

from __future__ import annotations

import random

import pytest
from fusewire.broker.port import Delivery
from fusewire.broker.redis import feed as module
from fusewire.broker.redis.feed import Feed, State
from fusewire.broker.redis.repair import LOOK, is_due

from server.tests.broker.support import KEPT


def event(n: int) -> Delivery:
    return Delivery(f"1-{n - 1}", f"1-{n}", b"%d" % n)


TYPING = Delivery(None, None, b"typing")


@pytest.fixture
def live() -> Feed:
    """At 1-0."""
    feed = Feed("t", "key", KEPT)
    feed.confirmed()
    assert feed.asked("1-0") is None
    assert feed.state is State.LIVE
    return feed


def test_what_comes_next_is_delivered(live: Feed) -> None:
    assert [live.arrived(d) for d in (event(1), TYPING, event(2))] == [True, True, True]
    assert live.last == "1-2"


def test_late_and_duplicate_frames_are_dropped(live: Feed) -> None:
    assert [live.arrived(event(n)) for n in (1, 2, 2, 1)] == [True, True, False, False]
    assert (live.last, live.state) == ("1-2", State.LIVE)


def test_a_hole_waits_for_history_and_what_came_meanwhile_follows(live: Feed) -> None:
    assert [live.arrived(d) for d in (event(3), TYPING, event(4))] == [False, False, False]
    assert live.state is State.BEHIND
    assert live.read("1-3", [event(1), event(2), event(3)]) == ([event(1), event(2), event(3)], None)
    assert live.live
    assert live.release() == [TYPING, event(4)]
    assert live.last == "1-4"


def test_history_comes_in_pages(live: Feed) -> None:
    live.arrived(event(5))
    assert live.read("1-5", [event(1), event(2)]) == ([event(1), event(2)], None)
    assert live.state is State.BEHIND
    live.read("1-5", [event(3), event(4), event(5)])
    assert (live.state, live.release(), live.last) == (State.LIVE, [], "1-5")


def test_another_hole_behind_the_first(live: Feed) -> None:
    live.arrived(event(2))
    live.arrived(event(5))
    live.read("1-2", [event(1), event(2)])
    assert live.release() == []
    assert live.state is State.BEHIND
    live.read("1-5", [event(3), event(4), event(5)])
    assert (live.release(), live.last) == ([], "1-5")


@pytest.mark.parametrize(
    ("top", "entries"),
    [
        ("1-9", [event(8), event(9)]),
        ("1-9", []),
        ("0-5", []),
        ("1-9", [event(1), event(2), event(5)]),
        ("7-1", [Delivery("7-0", "7-1", b"")]),
    ],
    ids=["trimmed", "expired", "rolled back", "damaged", "new"],
)
def test_a_history_that_does_not_reach_back_is_a_gap(live: Feed, top: str, entries: list[Delivery]) -> None:
    live.arrived(event(3))
    assert live.read(top, entries) == ((), top)
    assert (live.last, live.state) == (top, State.LIVE)


def test_a_position_that_is_not_what_was_delivered_is_looked_into(live: Feed) -> None:
    live.asked("1-0")
    assert live.live
    live.asked("1-2")
    assert live.state is State.BEHIND


def test_a_lost_link_is_checked_before_anything_new(live: Feed) -> None:
    live.lost()
    assert not live.arrived(event(1)), "from the old link, after it was given up"
    live.confirmed()
    assert not live.arrived(event(3))
    live.asked("1-3")
    live.read("1-3", [event(1), event(2), event(3)])
    assert (live.release(), live.last) == ([], "1-3")


def test_a_subscriber_that_could_not_wait_is_told_where_the_topic_begins() -> None:
    feed = Feed("t", "key", KEPT)
    feed.unannounced = True
    assert feed.asked("1-9") is None, "an answer to a link that is gone"
    feed.confirmed()
    assert feed.asked("1-0") == "1-0"
    assert feed.asked("1-0") is None


def test_what_is_held_is_bounded_and_the_rest_comes_from_history(
    live: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD", 3)
    for n in range(2, 9):
        live.arrived(event(n))
    assert "held=0" in repr(live)
    live.read("1-4", [event(n) for n in range(1, 5)])
    assert live.release() == []
    assert live.state is State.BEHIND, "to be read again"
    live.read("1-8", [event(n) for n in range(5, 9)])
    assert (live.release(), live.state, live.last) == ([], State.LIVE, "1-8")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_frames_do_each_event_comes_once_in_order(seed: int) -> None:
    """Frames are lost, repeated and swapped, links are lost, readings interrupted; history is whole."""
    chance = random.Random(seed)
    feed = Feed("t", "key", KEPT)
    feed.confirmed()
    feed.asked("1-0")
    history: list[Delivery] = []
    out: list[Delivery] = []
    late: list[Delivery] = []

    def read_some() -> None:
        last = int((feed.last or "").partition("-")[2])
        deliveries, gap = feed.read(f"1-{len(history)}", history[last : last + 4])
        assert gap is None
        out.extend(deliveries)
        out.extend(feed.release())

    def arrive(delivery: Delivery) -> None:
        if feed.arrived(delivery):
            out.append(delivery)

    for n in range(1, 400):
        history.append(event(n))
        match chance.randrange(12):
            case 0:
                pass
            case 1:
                late.append(event(n))
            case 2:
                arrive(event(n))
                arrive(event(n))
            case 3:
                feed.lost()
                feed.confirmed()
                arrive(event(n))
                feed.asked(f"1-{n}")
                out.extend(feed.release())
            case _:
                arrive(event(n))
        if late and chance.random() < 0.3:
            arrive(late.pop())
        if feed.state is State.BEHIND and chance.random() < 0.4:
            read_some()
    feed.asked(f"1-{len(history)}")
    while feed.state is State.BEHIND:
        read_some()
    assert out == history


def test_a_quiet_topic_is_asked_for_in_time() -> None:
    """However the looks fall, and however lately something was delivered."""
    check, start = 30.0, 1000.0
    feed = Feed("t", "key", KEPT)
    feed.state = State.LIVE
    for beginning in range(30):
        feed.sure_at = start
        looks = (start + beginning / 10 + number * check * LOOK for number in range(100))
        asked_at = next(look for look in looks if is_due(feed, look, check))
        assert start + check * 0.7 < asked_at <= start + check
