"""Every conversation of the vectors, against a real server."""

from __future__ import annotations

import json

import pytest

from tests.conformance.player import Player
from tests.conformance.reading import CONVERSATIONS, STEPS, Conversation, frame_of, load, parts_of
from tests.conformance.serving import serving

ALL = load()
WITH_SERVER = [pytest.param(each, id=str(each)) for each in ALL if each.side != "client"]


@pytest.mark.parametrize("conversation", WITH_SERVER)
async def test_conversation(conversation: Conversation, request: pytest.FixtureRequest) -> None:
    if conversation.stops_server:
        with serving("quick" if conversation.slow else "app") as url:
            await Player(url, conversation).play()
    else:
        shared: str = request.getfixturevalue("quick" if conversation.slow else "ordinary")
        await Player(shared, conversation).play()


def test_the_file_is_in_order() -> None:
    """Numbers are the lines' own, names are unique, each step is one that a reader knows, and what a client says can be encoded."""
    assert [each.number for each in ALL] == list(range(1, len(ALL) + 1))
    assert len({(each.section, each.name) for each in ALL}) == len(ALL)
    assert len(WITH_SERVER) >= 60
    for each in ALL:
        for step in each.steps:
            (kind,) = step.keys() - {"order", "within_ms", "perhaps"}
            assert kind in STEPS
            if kind == "client" and '"$b' not in json.dumps(step).replace("$bytes", ""):
                frame_of(step["client"], {})
            if kind == "server":
                assert all("kind" in part or "$pack" in part for part in parts_of(step["server"]))


def test_no_large_input_is_stored() -> None:
    assert CONVERSATIONS.stat().st_size < 200_000
