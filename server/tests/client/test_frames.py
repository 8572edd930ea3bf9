"""Frames that come twice, late, or in another order: nothing of that reaches the app."""

import pytest
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import PlayedServer, Tick, connect


def tick(number: int) -> m.Event:
    """The event that takes the topic from `number - 1` to `number`."""
    return m.Event("Tick", pack({"n": number}), "all", f"1-{number - 1}", f"1-{number}")


@pytest.mark.parametrize(
    ("order", "taken"),
    [
        pytest.param((1, 2, 2, 3), 3, id="twice"),
        pytest.param((1, 2, 3, 1, 4), 4, id="late"),
        pytest.param((1, 3, 2, 4), 2, id="reordered"),
        pytest.param((1, 2, 4), 2, id="one is missing"),
    ],
)
async def test_frames_that_do_not_follow_are_not_handed_on(
    server: PlayedServer, order: tuple[int, ...], taken: int
) -> None:
    """It takes what follows, comes back with where it stands, and gets the rest once."""
    missed: list[str] = []
    async with connect(server.url, on_missed=missed.append) as client, client.events(Tick) as ticks:
        first = await server.welcomed()
        await first.say(m.Topic("all", "1-0"), *(tick(number) for number in order))
        second = await server.link()
        hello = await second.welcome()
        assert hello.positions == {"all": f"1-{taken}"}
        rest = [tick(number) for number in range(taken + 1, 6)]
        await second.say(m.Topic("all", f"1-{taken}", recovered=True), *rest)
        assert [(await anext(ticks)).n for _ in range(5)] == [1, 2, 3, 4, 5]
    assert missed == []


async def test_an_event_of_a_topic_that_was_left_comes_too_late(server: PlayedServer) -> None:
    missed: list[str] = []
    async with connect(server.url, on_missed=missed.append) as client, client.events(Tick) as ticks:
        first = await server.welcomed()
        await first.say(m.Topic("all", "1-0"), tick(1), m.Topic("all"), tick(2))
        second = await server.link()
        hello = await second.welcome()
        assert hello.positions is None
        await second.say(m.Topic("all", "1-2"), tick(3))
        assert [(await anext(ticks)).n for _ in range(2)] == [1, 3]
    assert missed == []
