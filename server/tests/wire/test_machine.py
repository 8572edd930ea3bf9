"""The machine alone: frames in, events out."""

from typing import Any

import pytest
from fusewire.bounds import Bounds
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode, reconnectable
from fusewire.wire.codec import Sizes, pack, write
from fusewire.wire.machine import Close, Incoming, Reply, ServerMachine, State, Uploaded

from tests.conformance.messages import Message, decode
from tests.conformance.reading import Bound, Conversation, frame_of, load, message_fits, parts_of

WELCOME = m.Welcome("s", True, {})


def machine(*, ready: bool = True) -> ServerMachine:
    made = ServerMachine(Sizes(1000, 8, 50), frame_bytes=2000, frame_messages=10, held_bytes=100, malformed=3)
    if ready:
        made.receive(write(m.Hello()))
        made.welcome(WELCOME)
    return made


def test_hello_then_held_calls_then_welcome() -> None:
    opening = machine(ready=False)
    assert opening.receive(write(m.Hello()) + write(m.Call(1, "add"))) == [m.Hello()]
    assert opening.state is State.IDENTIFYING
    data, held = opening.welcome(WELCOME)
    assert data == write(WELCOME)
    assert held == [m.Call(1, "add")]
    assert opening.in_flight == {1}


def test_an_id_is_free_once_settled() -> None:
    ready = machine()
    ready.receive(write(m.Call(1, "add")))
    ready.settle(m.Result(1, pack(None)))
    assert ready.receive(write(m.Call(1, "add"))) == [m.Call(1, "add")]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (write(m.Hello()), CloseCode.PROTOCOL_ERROR),
        (write(m.Result(1, pack(1))), CloseCode.PROTOCOL_ERROR),
        (write(m.GoAway(1)), CloseCode.PROTOCOL_ERROR),
        (write(m.Call(1, "a")) * 2, CloseCode.PROTOCOL_ERROR),
        # A fault that names a call in flight could only be answered by settling that call.
        (write(m.Call(1, "a")) + pack([3, 1]), CloseCode.PROTOCOL_ERROR),
        ("text", CloseCode.PROTOCOL_ERROR),
        (bytes(2001), CloseCode.FRAME_TOO_LARGE),
        (b"\xc0\xc0\xc0", CloseCode.FLOOD),
    ],
)
def test_what_ends_a_connection(frame: bytes | str, code: CloseCode) -> None:
    ready = machine()
    assert list(ready.receive(frame))[-1] == Close(code)
    assert ready.state is State.CLOSED
    assert ready.receive(write(m.Ping())) == []


@pytest.mark.parametrize(
    "message", [m.Call(1, "a"), m.Ping(), m.Pong(), m.Cancel(1), m.Credit(1, 1, 1), m.Refresh(1)]
)
def test_nothing_comes_before_hello(message: m.Message) -> None:
    assert machine(ready=False).receive(write(message)) == [Close(CloseCode.PROTOCOL_ERROR)]


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_the_first_frame_is_bounded_by_what_may_be_held(size: int, fits: bool) -> None:
    hello = write(m.Hello(session="x" * (size - len(write(m.Hello(session="x" * 50))) + 50)))
    assert len(hello) == size
    (event,) = machine(ready=False).receive(hello)
    assert isinstance(event, m.Hello) if fits else event == Close(CloseCode.FRAME_TOO_LARGE)


def test_ping_is_answered_in_every_state_after_hello() -> None:
    waiting = machine(ready=False)
    waiting.receive(write(m.Hello()))
    assert waiting.receive(write(m.Ping())) == [Reply(write(m.Pong()))]


def test_cancel_and_credit_of_nothing_are_dropped() -> None:
    assert machine().receive(write(m.Cancel(5)) + write(m.Credit(5, 1, 1))) == []


def test_an_item_comes_with_the_bytes_that_it_takes_from_the_credit() -> None:
    ready = machine()
    ready.receive(write(m.Call(300, "total")))
    assert ready.receive(write(m.Item(300, pack("hello")))) == [Uploaded(300, "hello", 6)]
    # What a newer peer adds behind the value takes credit too.
    assert ready.receive(pack([5, 300, "hello", "future"])) == [Uploaded(300, "hello", 13)]
    assert ready.receive(write(m.Item(301, pack("hello")))) == []


@pytest.mark.parametrize(
    ("code", "again"), [(1006, True), (1012, True), (4000, True), (4499, True), (4500, False), (4999, False)]
)
def test_which_codes_reconnect(code: int, again: bool) -> None:
    assert reconnectable(code) is again


class Spoken:
    """The machine in the server's place; what it answers without a procedure is all that is looked at."""

    def __init__(self) -> None:
        bounds = Bounds()
        self._machine = ServerMachine(
            Sizes(bounds.message_bytes, bounds.depth, bounds.elements),
            frame_bytes=bounds.frame_bytes,
            frame_messages=bounds.frame_messages,
            held_bytes=bounds.held_bytes,
            malformed=bounds.malformed_messages,
        )
        self.said: list[Message | CloseCode] = []

    def receive(self, frame: bytes | str) -> None:
        self._act(list(self._machine.receive(frame)))

    def _act(self, events: list[Incoming]) -> None:
        for event in events:
            if isinstance(event, Reply):
                self.said += decode(event.data)
            elif isinstance(event, Close):
                self.said.append(event.code)
            elif isinstance(event, m.Hello) and (event.credentials or {}).get("token") != "never":
                names = ["heartbeat_ms", "max_message_bytes", "max_frame_bytes", "max_calls", "max_streams"]
                limits = dict.fromkeys([*names, "stream_items", "stream_bytes"], 1)
                welcome = m.Welcome("s", False, limits, None if event.calls is None else "1" * 16)
                data, held = self._machine.welcome(welcome)
                self.said += decode(data)
                self._act(held)

    def hear(self, pattern: dict[str, Any], bound: Bound) -> None:
        if pattern.get("$maybe") and not self.said:
            return
        message = self.said.pop(0)
        assert isinstance(message, dict), f"{message!r} where {pattern} was expected"
        assert message_fits(pattern, message, bound), f"{message} where {pattern} was expected"


@pytest.mark.parametrize(
    "conversation", [pytest.param(each, id=str(each)) for each in load() if each.machine]
)
def test_conversations(conversation: Conversation) -> None:
    """Those of the vectors in which no procedure answers."""
    spoken, bound = Spoken(), Bound()
    if conversation.start == "welcome":
        spoken.receive(write(m.Hello()))
        spoken.said.clear()
    for step in conversation.steps:
        match step:
            case {"client": parts}:
                spoken.receive(frame_of(parts, bound))
            case {"text": text}:
                spoken.receive(text)
            case {"server": patterns}:
                for pattern in parts_of(patterns):
                    spoken.hear(pattern, bound)
            case {"close": code}:
                assert spoken.said == [code]
                spoken.said.clear()
            case _:
                raise ValueError(f"the machine alone has no {step}")
    assert spoken.said == []
