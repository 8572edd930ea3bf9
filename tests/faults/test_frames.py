"""Frames are doubled and swapped as they are said to be, and none is lost, changed, or touched that may not be."""

from __future__ import annotations

import random
from collections import Counter

from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, pack, write
from fusewire.wire.frame import read_frame

from tests.faults.frames import Frames

UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def frame(message: bytes) -> bytes:
    size = len(message)
    return b"\x82" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + message


def event(number: int, *, filler: str = "") -> bytes:
    return frame(write(m.Event("Note", pack([number, filler]), "all", f"1-{number - 1}", f"1-{number}")))


def numbers(data: bytes) -> list[int]:
    assert data.startswith(UPGRADE)
    at, found = len(UPGRADE), []
    while at < len(data):
        size, head = data[at + 1], 2
        if size == 126:
            size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        for message, _ in read_frame(data[at + head : at + head + size], Sizes()):
            assert isinstance(message, m.Event)
            found.append(message.value[0])
        at += head + size
    return found


def passed(data: bytes, share: float, seed: int = 1) -> tuple[bytes, int]:
    """In chunks of any size, as a socket gives them."""
    chance = random.Random(seed)
    frames, out, at = Frames(chance), b"", 0
    while at < len(data):
        size = chance.randint(1, 200)
        out += frames.pass_on(data[at : at + size], share)
        at += size
    return out, frames.touched


def test_what_is_not_touched_passes_as_it_is() -> None:
    data = UPGRADE + b"".join(event(n, filler="x" * n) for n in range(1, 300))
    assert passed(data, 0.0) == (data, 0)


def test_some_come_twice_some_late_and_none_is_lost() -> None:
    data = UPGRADE + b"".join(event(n) for n in range(1, 1000))
    out, touched = passed(data, 0.1)
    came = numbers(out)
    assert touched > 50
    assert len(came) > len(set(came)), "some twice"
    assert list(dict.fromkeys(came)) != sorted(set(came)), "some late"
    # Those that are late at the end are on their way still.
    assert set(range(1, 990)) <= set(came)
    assert max(Counter(came).values()) == 2


def test_what_has_no_position_is_not_touched() -> None:
    data = UPGRADE + b"".join(
        frame(write(message))
        for message in (m.Event("Typing", pack(1)), m.Result(1, pack(2)), m.Item(3, pack(4)), m.Ping()) * 50
    )
    assert passed(data, 1.0) == (data, 0)
