"""The client's machine alone: frames in, events out."""

import struct
from typing import Any

import pytest
from fusewire.client.errors import ConnectionLost
from fusewire.client.incoming import Arrived, Granted, Reported, Send, Settled, Shut
from fusewire.client.limits import Limits
from fusewire.client.machine import ClientMachine, State
from fusewire.errors import TooLarge, Unavailable
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import pack, write

LIMITS = {"stream_items": 4, "stream_bytes": 100, "max_frame_bytes": 500}
WELCOME = m.Welcome("s", True, LIMITS)


def machine(*, ready: bool = True) -> ClientMachine:
    made = ClientMachine()
    made.hello(m.Hello())
    if ready:
        assert feed(made, WELCOME) == [WELCOME]
    return made


def feed(client: ClientMachine, *messages: m.Message | bytes) -> list[Any]:
    frame = b"".join(part if isinstance(part, bytes) else write(part) for part in messages)
    return list(client.receive(frame))


def item(value: Any, call_id: int = 1) -> m.Item:
    return m.Item(call_id, pack(value))


def test_welcome_tells_the_limits() -> None:
    client = machine(ready=False)
    feed(client, m.Welcome("s", True, {"stream_items": 7, "max_calls": 0, "from_the_future": 3}))
    assert client.state is State.READY
    assert client.limits == Limits(stream_items=7)


def test_what_refuses_the_hello_is_reported() -> None:
    error = m.Error(None, 401, "UNAUTHENTICATED", "no")
    assert feed(machine(ready=False), m.Error(None, 401, "UNAUTHENTICATED", pack("no"))) == [Reported(error)]


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize(
    "message", [m.Hello(), m.Call(1, "a"), m.Cancel(1), m.Refresh(1)], ids=lambda m: type(m).__name__
)
def test_what_only_a_client_says_closes(message: m.Message, ready: bool) -> None:
    client = machine(ready=ready)
    assert feed(client, message, m.Ping()) == [Shut(CloseCode.PROTOCOL_ERROR)]
    assert client.state is State.CLOSED
    assert feed(client, m.Ping()) == []


@pytest.mark.parametrize("message", [m.Result(1, pack(1)), item(1), m.End(1), m.Event("e", pack(1))])
def test_nothing_comes_before_welcome(message: m.Message) -> None:
    assert feed(machine(ready=False), message) == [Shut(CloseCode.PROTOCOL_ERROR)]


def test_there_is_one_welcome() -> None:
    assert feed(machine(), WELCOME) == [Shut(CloseCode.PROTOCOL_ERROR)]


def test_a_call_and_its_result() -> None:
    client = machine()
    call_id, data = client.call("add", [1], {"b": 2}, timeout_ms=50)
    assert data == write(m.Call(call_id, "add", [1], {"b": 2}, 50))
    assert feed(client, m.Result(call_id, pack(3))) == [Settled(call_id, m.Result(call_id, 3))]
    # Settled: what crosses on the way is nobody's.
    assert feed(client, m.Result(call_id, pack(4)), item(5, call_id)) == []
    assert client.cancel(call_id) == b""


def test_ids_differ_while_in_flight() -> None:
    client = machine()
    assert [client.call("a", [], {})[0] for _ in range(3)] == [1, 2, 3]


def test_arguments_go_by_name_unless_the_contract_is_the_same() -> None:
    client = machine(ready=False)
    feed(client, m.Welcome("s", False, LIMITS))
    client.call("add", [], {"a": 1})
    with pytest.raises(TypeError, match="by name"):
        client.call("add", [1], {})


def test_a_call_needs_a_connection() -> None:
    client = machine(ready=False)
    with pytest.raises(ConnectionLost) as raised:
        client.call("add", [], {})
    assert raised.value.maybe_executed is False


def test_what_the_server_would_not_read_is_not_sent() -> None:
    client = machine()
    with pytest.raises(TooLarge):
        client.call("add", [b"x" * 500], {})
    assert client.call("add", [], {})[0] == 2  # nothing of the refused one is in the table


def test_items_take_credit_and_readers_give_it_back() -> None:
    client = machine()
    call_id, _ = client.call("s", [], {})
    assert feed(client, item("abc")) == [Arrived(call_id, "abc", 4)]
    assert client.taken(call_id, 4) == b""
    # Half of four items are together.
    assert client.taken(call_id, 4) == write(m.Credit(call_id, 2, 8))
    # Half of a hundred bytes at once.
    assert client.taken(call_id, 50) == write(m.Credit(call_id, 1, 50))


def test_an_item_without_credit_closes() -> None:
    client = machine()
    client.call("s", [], {})
    assert len(feed(client, *[item(1)] * 4)) == 4
    assert feed(client, item(1)) == [Shut(CloseCode.PROTOCOL_ERROR)]


def test_credit_that_was_granted_may_be_used() -> None:
    client = machine()
    client.call("s", [], {})
    feed(client, *[item(1)] * 4)
    assert client.taken(1, 1) + client.taken(1, 1)
    assert [type(event) for event in feed(client, item(1), item(1))] == [Arrived, Arrived]
    assert feed(client, item(1)) == [Shut(CloseCode.PROTOCOL_ERROR)]


def test_an_upload_stops_without_credit() -> None:
    client = machine()
    call_id, _ = client.call("u", [None], {}, upload=True)
    for _ in range(4):
        assert client.may_upload(call_id)
        assert client.upload(call_id, pack(1)) == write(m.Item(call_id, pack(1)))
    assert not client.may_upload(call_id)
    assert feed(client, m.Credit(call_id, 1, 1)) == [Granted(call_id)]
    # The last one may overdraw the bytes.
    client.upload(call_id, pack(b"x" * 200))
    assert not client.may_upload(call_id)
    feed(client, m.Credit(call_id, 4, 50))
    assert not client.may_upload(call_id)
    assert client.end_upload(call_id) == write(m.End(call_id))
    assert client.upload(call_id, pack(1)) == client.end_upload(call_id) == b""


def test_an_upload_is_over_with_its_call() -> None:
    client = machine()
    call_id, _ = client.call("u", [None], {}, upload=True)
    feed(client, m.Result(call_id, pack(1)))
    assert not client.may_upload(call_id)
    assert client.upload(call_id, pack(1)) == b""
    assert feed(client, m.Credit(call_id, 1, 1)) == []


def test_a_cancelled_upload_says_no_more() -> None:
    client = machine()
    call_id, _ = client.call("u", [None], {}, upload=True)
    assert client.cancel(call_id) == write(m.Cancel(call_id))
    assert client.upload(call_id, pack(1)) == client.end_upload(call_id) == b""


def test_a_call_without_upload_gets_no_upload_credit() -> None:
    client = machine()
    call_id, _ = client.call("a", [], {})
    assert feed(client, m.Credit(call_id, 1, 1)) == []


def test_pings_of_one_frame_are_one_pong() -> None:
    client = machine()
    assert feed(client, m.Ping(), m.Ping(), m.Pong()) == [Send(write(m.Pong()))]
    assert feed(client, m.Ping()) == [Send(write(m.Pong()))]


def test_what_does_not_decode_settles_its_call_alone() -> None:
    client = machine()
    client.call("a", [], {})
    client.call("b", [], {})
    far = b"\xc7\x0c\xff" + struct.pack(">Iq", 0, 2**60)  # a year that datetime does not have
    events = feed(client, b"\x93\x04\x01" + far, m.Result(2, pack("fine")))
    assert events[0] == Send(write(m.Cancel(1)))
    assert events[1].message.code == "MALFORMED"
    assert events[2:] == [Settled(2, m.Result(2, "fine"))]


def test_kinds_from_the_future_are_passed_over() -> None:
    assert feed(machine(), pack([99, 1]), m.Event("e", pack(1))) == [m.Event("e", 1)]


def test_goaway_before_welcome_is_said_again_behind_it() -> None:
    assert feed(machine(ready=False), m.GoAway(10), WELCOME, m.GoAway(10)) == [WELCOME, m.GoAway(10)]


def test_goaway_lets_calls_finish_and_none_begin() -> None:
    client = machine()
    client.call("a", [], {})
    assert feed(client, m.GoAway(10)) == [m.GoAway(10)]
    assert client.state is State.DRAINING
    with pytest.raises(Unavailable):
        client.call("b", [], {})
    assert feed(client, m.Result(1, pack(1)), m.Ping()) == [Settled(1, m.Result(1, 1)), Send(write(m.Pong()))]


def test_a_refresh_is_settled_like_a_call() -> None:
    client = machine()
    call_id, data = client.refresh({"token": "t"})
    assert data == write(m.Refresh(call_id, {"token": "t"}))
    assert feed(client, m.Result(call_id, pack(None))) == [Settled(call_id, m.Result(call_id, None))]
