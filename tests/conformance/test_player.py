"""The player itself: a server that says something else is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.player import Mismatch, Player
from tests.conformance.reading import Conversation

ADD: dict[str, Any] = {"client": [{"kind": "call", "id": 1, "name": "add", "args": [1, 2]}]}
THREE: dict[str, Any] = {"kind": "result", "id": 1, "value": 3}
TWO_STREAMS: dict[str, Any] = {
    "client": [{"kind": "call", "id": n, "name": "count", "args": [2]} for n in (1, 2)]
}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([ADD, {"server": [{**THREE, "value": 4}]}], "'value': 3.* where .*'value': 4"),
        ([ADD, {"server": [{**THREE, "value": True}]}], "was expected"),
        ([ADD, {"server": [{"kind": "error", "id": 1, "status": 400, "code": "X"}]}], "was expected"),
        ([ADD], "'value': 3.* was not expected"),
        ([ADD, {"server": [THREE, {"kind": "end", "id": 1}], "within_ms": 300}], "nothing came within 0.3 s"),
        ([{"text": "x"}, {"server": [THREE]}], "closed with 4500"),
        ([{"text": "x"}, {"close": 4502}], "closed with 4500, not 4502"),
        ([ADD, {"close": 4500}], "where close 4500 was expected"),
        (
            [
                TWO_STREAMS,
                {"server": [{"kind": "item", "id": 1, "value": n} for n in (1, 0)], "order": "any"},
            ],
            "expected",
        ),
        ([ADD, {"granted": {"id": 1, "items": 1}}], "where credit was expected"),
        ([{"connect": {}}, {"refused": 403}], "got accepted, not 403"),
        ([{"connect": {"subprotocol": None}}, ADD], "not connected: the handshake got 400"),
        ([{"text": "x"}], "at the end: the server closed with 4500"),
    ],
)
async def test_what_is_otherwise_is_noticed(ordinary: str, steps: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(Mismatch, match=said):
        await Player(ordinary, Conversation(1, "0", "not so", steps)).play()


async def test_credit_for_what_was_not_sent_is_noticed(ordinary: str) -> None:
    steps: list[dict[str, Any]] = [
        # Sent as bytes, so that the player does not know of the item.
        {"client": [{"kind": "call", "id": 1, "name": "total"}, {"$repeat": ["93050101", 40]}]},
        {"granted": {"id": 1, "items": 32}},
    ]
    with pytest.raises(Mismatch, match="granted in all, 0 sent"):
        await Player(ordinary, Conversation(1, "0", "not so", steps)).play()
