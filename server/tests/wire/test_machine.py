"""The machine alone: frames in, events out."""

import pytest
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode, reconnectable
from fusewire.wire.codec import Received, Sizes, pack, write
from fusewire.wire.machine import Close, Reply, ServerMachine, State

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
    assert [event.message for event in held if isinstance(event, Received)] == [m.Call(1, "add")]
    assert opening.in_flight == {1}


def test_an_id_is_free_once_settled() -> None:
    ready = machine()
    ready.receive(write(m.Call(1, "add")))
    ready.settle(m.Result(1, pack(None)))
    assert isinstance(ready.receive(write(m.Call(1, "add")))[0], Received)


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
    assert ready.receive(frame)[-1] == Close(code)
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


@pytest.mark.parametrize(
    ("code", "again"), [(1006, True), (1012, True), (4000, True), (4499, True), (4500, False), (4999, False)]
)
def test_which_codes_reconnect(code: int, again: bool) -> None:
    assert reconnectable(code) is again
