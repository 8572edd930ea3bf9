"""Random and hostile bytes: never an exception, never more than was sent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgpack
import pytest
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, write
from fusewire.wire.frame import read_frame
from fusewire.wire.shapes import Fault
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(0, 5), inner, max_size=5)
    ),
    max_leaves=20,
)
PACKED = VALUES.map(msgpack.packb)
# The same examples in every run: a test that is red now and then helps nobody. The fuzzer has seeds.
settings.register_profile("steady", derandomize=True, deadline=None, database=None)
STEADY = settings.get_profile("steady")


@STEADY
@given(
    st.lists(st.binary(max_size=200) | PACKED | st.lists(VALUES).map(msgpack.packb), max_size=8).map(b"".join)
)
def test_any_bytes_are_read(frame: bytes) -> None:
    for found, size in read_frame(frame, Sizes(200, 4, 20)):
        assert isinstance(found, m.Message | Fault)
        assert 0 <= size <= len(frame)


@pytest.mark.parametrize(
    "begun", [b"\x91", b"\x92", b"\x81", b"\xa5", b"\xc4\x09", b"\xd6\xff", b"\xdd", b"\x91" * 2000, b"\xc1"]
)
def test_a_frame_leaves_nothing_behind(begun: bytes) -> None:
    """One decoder reads many frames: what one peer began must not change what another's frame says."""
    call = write(m.Call(9, "add"))

    def read() -> list[Any]:
        list(read_frame(call + begun, Sizes()))
        return list(read_frame(call, Sizes()))

    # A thread of its own, so that no earlier frame has a part in it.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(read).result(10) == [(m.Call(9, "add"), len(call))]


@STEADY
@given(st.lists(st.binary(max_size=60) | PACKED, max_size=4).map(b"".join), st.integers(0, 200))
def test_a_frame_that_is_cut(noise: bytes, at: int) -> None:
    """What was whole before the cut is read as before, and the rest is at most one fault."""
    frame = write(m.Call(9, "add")) + noise
    whole, cut = list(read_frame(frame, Sizes())), list(read_frame(frame[: at + 1], Sizes()))
    assert cut[:-1] == whole[: len(cut) - 1]


@STEADY
@given(st.binary(max_size=60))
def test_a_neighbour_is_still_read(noise: bytes) -> None:
    """A message behind one that is well-formed but unreadable comes through."""
    call = write(m.Call(9, "add"))
    broken = b"\x93\x03\x01" + msgpack.packb(noise.decode("latin-1")).replace(b"\xc2", b"\xff")
    *_, last = read_frame(broken + call, Sizes())
    assert last == (m.Call(9, "add"), len(call))
