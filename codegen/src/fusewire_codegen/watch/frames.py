"""Messages between the processes: a length in four bytes, then JSON."""

from __future__ import annotations

import json
import os
import struct
from asyncio import IncompleteReadError, StreamReader
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]
_LENGTH = struct.Struct(">I")
_CONTRACT = b'{"kind":"contract",'


def encode(message: Message) -> bytes:
    """One frame. Raises `TypeError` or `ValueError` for what is not JSON."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def write(descriptor: int, frame: bytes) -> None:
    """Write all of `frame`, waiting for the reader where the pipe is full."""
    rest = memoryview(frame)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def is_contract(frame: bytes) -> bool:
    """Whether a child's answer in a whole frame is a contract, without reading it all."""
    return frame.startswith(_CONTRACT, _LENGTH.size)


class FrameBuffer:
    """Collects what arrives in pieces and gives whole frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add `data`; yield each frame that is now complete, with its length, so that it can be passed on."""
        self._data += data
        while len(self._data) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._data)[0]
            if len(self._data) < end:
                return
            frame = bytes(self._data[:end])
            del self._data[:end]
            yield frame


def decode(frame: bytes) -> Message:
    """The message in a whole frame."""
    message: Message = json.loads(frame[_LENGTH.size :])
    return message


async def read(stream: StreamReader) -> Message | None:
    """The next message, or None when the other side is gone."""
    try:
        header = await stream.readexactly(_LENGTH.size)
        return decode(header + await stream.readexactly(_LENGTH.unpack(header)[0]))
    except (IncompleteReadError, ConnectionError):
        return None
