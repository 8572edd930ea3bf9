"""Random and hostile bytes: never an exception, never more than was sent."""

from typing import Any

import msgpack
from fusewire.wire import messages as m
from fusewire.wire.codec import Fault, Received, Sizes, read_frame, write
from fusewire.wire.machine import ServerMachine
from hypothesis import given
from hypothesis import strategies as st

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(0, 5), inner, max_size=5)
    ),
    max_leaves=20,
)
PACKED = VALUES.map(msgpack.packb)


@given(
    st.lists(st.binary(max_size=200) | PACKED | st.lists(VALUES).map(msgpack.packb), max_size=8).map(b"".join)
)
def test_any_bytes_are_read(frame: bytes) -> None:
    for found in read_frame(frame, Sizes(200, 4, 20)):
        assert isinstance(found, Received | Fault)


@given(
    st.lists(
        st.sampled_from([write(m.Hello()), write(m.Call(1, "a")), write(m.Call(2, "b")), write(m.Ping())])
        | PACKED
    )
)
def test_any_sequence_is_taken(frames: list[bytes]) -> None:
    machine = ServerMachine(Sizes(), frame_bytes=2**20, frame_messages=2**10, held_bytes=2**16, malformed=20)
    for frame in frames:
        machine.receive(frame)
    assert len(machine.in_flight) <= 2


@given(st.binary(max_size=60))
def test_a_neighbour_is_still_read(noise: bytes) -> None:
    """A message behind one that is well-formed but unreadable comes through."""
    call = write(m.Call(9, "add"))
    broken = b"\x93\x03\x01" + msgpack.packb(noise.decode("latin-1")).replace(b"\xc2", b"\xff")
    *_, last = read_frame(broken + call, Sizes())
    assert last == Received(m.Call(9, "add"), len(call))
