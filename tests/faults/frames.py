"""WebSocket frames of events that come twice, late, and in another order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes
from fusewire.wire.frame import read_frame

ANY = Sizes(message_bytes=2**26, depth=100, elements=2**26)
BINARY = 0x82
"""The first byte of a whole message of bytes."""
MASK_AND_SIZE = 2
LATEST = 6
"""So many frames may overtake one that is late."""


@dataclass
class _Late:
    frame: bytes
    overtaking: int


class Frames:
    """What a server sends on one link.

    Only frames that hold nothing but kept events are touched: these have positions, by which a client sees what does not follow. Results
    and items have none, for no WebSocket doubles them.
    """

    def __init__(self, chance: random.Random) -> None:
        self.touched = 0
        self._chance = chance
        self._buffer = b""
        self._upgraded = False
        self._late: list[_Late] = []

    def pass_on(self, data: bytes, share: float) -> bytes:
        """`share` of the frames are touched: half come twice, half late."""
        self._buffer += data
        head = b""
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return b""
            self._upgraded, self._buffer = True, rest
            head += end
        return head + b"".join(
            part for frame, payload in self._whole() for part in self._one(frame, payload, share)
        )

    def _one(self, frame: bytes, payload: bytes, share: float) -> Iterator[bytes]:
        if share and self._chance.random() < share and frame[0] == BINARY and _only_events(payload):
            self.touched += 1
            if self._chance.random() < 0.5:
                self._late.append(_Late(frame, self._chance.randint(1, LATEST)))
                return
            yield frame
        yield frame
        for late in tuple(self._late):
            late.overtaking -= 1
            if late.overtaking == 0:
                self._late.remove(late)
                yield late.frame

    def _whole(self) -> Iterator[tuple[bytes, bytes]]:
        """Frames as they are, and what they hold. A server does not mask."""
        while len(self._buffer) >= MASK_AND_SIZE:
            size, head = self._buffer[1], MASK_AND_SIZE
            if size >= 126:
                head += 2 if size == 126 else 8
                size = int.from_bytes(self._buffer[MASK_AND_SIZE:head], "big")
            if len(self._buffer) < head or len(self._buffer) < head + size:
                return
            frame, self._buffer = self._buffer[: head + size], self._buffer[head + size :]
            yield frame, frame[head:]


def _only_events(payload: bytes) -> bool:
    return all(
        isinstance(message, m.Event) and message.position is not None
        for message, _ in read_frame(payload, ANY)
    )
