"""Frames to messages. Nothing here waits, and nothing here trusts its input.

A frame holds messages back to back. Reading one gives, for each, either the message or a `Fault`: what was wrong, and
the id to answer if one could be read. A fault in one message does not touch the next, as long as its length can be walked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import msgpack

from fusewire.wire.codec import CAREFUL_BYTES, UNREADABLE, Sizes, count, end_of, measure, unpacker
from fusewire.wire.messages import Kind, Message
from fusewire.wire.shapes import WITH_ID, Fault, id_of, read_message

Found = tuple[Message | Fault, int]
"""A message, or what is wrong with it, and its size in bytes on the wire."""


def read_frame(frame: bytes, sizes: Sizes) -> Iterable[Found]:
    """What a frame holds, in order. After bytes that are not msgpack the rest of the frame cannot be found."""
    if 0 < len(frame) <= CAREFUL_BYTES:
        return _read_at_once(frame, sizes)
    if not frame:
        return [(Fault("MALFORMED", "an empty frame"), 0)]
    return _read_carefully(frame, 0, sizes)


_LONGEST = 1024
"""Elements of one container that are read at once. What is longer takes the careful way."""


class _Reader(threading.local):
    """One decoder for all small frames of a thread: making one costs more than reading a call with it."""

    def __init__(self) -> None:
        self.unpacker = unpacker(CAREFUL_BYTES, _LONGEST)


_reader = _Reader()


def _read_at_once(frame: bytes, sizes: Sizes) -> Iterable[Found]:
    reader = _reader.unpacker
    found: list[Found] = []
    start, length = 0, len(frame)
    try:
        base = reader.tell()
        reader.feed(frame)
        while start < length:
            value = reader.unpack()
            end = reader.tell() - base
            size = end - start
            # Too short to break a bound: a container costs a byte, and so does each element.
            short = size <= sizes.depth and not sizes.calls
            found.append((read_message(value) if short else _checked(value, size, sizes), size))
            start = end
    except UNREADABLE:
        # What it was in the middle of is in its state.
        _reader.unpacker = unpacker(CAREFUL_BYTES, _LONGEST)
        return chain(found, _read_carefully(frame, start, sizes))
    return found


def _read_carefully(frame: bytes, start: int, sizes: Sizes) -> Iterator[Found]:
    """Message by message: its length first, then its bounds, and only then its values. Lazy, for a flood ends it early."""
    length = len(frame)
    walker, base = _walker(frame, start), start
    while start < length:
        try:
            walker.skip()
            end = base + walker.tell()
            found = _read_one(frame, start, end, sizes)
        except UNREADABLE as error:
            if not isinstance(error, msgpack.exceptions.StackError):
                yield Fault("MALFORMED", f"not msgpack: {type(error).__name__}"), length - start
                return
            # Its stack is of a fixed height; ours is not, but slow. What has no end in sight takes the rest of the frame with it.
            end = end_of(frame, start, sizes.elements) or length
            kind, answer, _ = _head(frame, start)
            found = Fault("TOO_LARGE", f"nested deeper than {sizes.depth}", answer, kind)
            walker, base = _walker(frame, end), end
        yield found, end - start
        start = end


def _walker(frame: bytes, start: int) -> msgpack.Unpacker:
    walker = unpacker(len(frame))
    walker.feed(memoryview(frame)[start:])
    return walker


def _read_one(frame: bytes, start: int, end: int, sizes: Sizes) -> Message | Fault:
    kind, answer, name = _head(frame, start)
    if (most := sizes.calls.get(name, sizes.message_bytes)) < end - start:
        return Fault("TOO_LARGE", _over(end - start, most), answer, kind)
    if end - start > CAREFUL_BYTES and (fault := count(frame, start, sizes)):
        return Fault("TOO_LARGE", fault, answer, kind)
    reader = unpacker(end - start)
    reader.feed(memoryview(frame)[start:end])
    try:
        value = reader.unpack()
    except UNREADABLE as error:
        # Exceptions of the decoder can carry the bytes they failed on; only their kind is told to the peer.
        return Fault("MALFORMED", f"not readable: {type(error).__name__}", answer, kind)
    return _checked(value, end - start, sizes)


def _checked(value: Any, size: int, sizes: Sizes) -> Message | Fault:
    if size > sizes.message_bytes or sizes.calls:
        name = value[2] if type(value) is list and len(value) > 2 and value[0] == Kind.CALL else None
        most = sizes.calls.get(name, sizes.message_bytes) if type(name) is str else sizes.message_bytes
        if size > most:
            return Fault(
                "TOO_LARGE", _over(size, most), id_of(value), value[0] if type(value) is list else None
            )
    # A container costs a byte and so does each element: a message this short cannot be too deep or too many.
    if size > sizes.depth and (fault := measure(value, sizes)):
        return Fault("TOO_LARGE", fault, id_of(value), value[0] if type(value) is list else None)
    return read_message(value)


def _over(size: int, most: int) -> str:
    return f"a message of {size} bytes: at most {most}"


_HEAD_BYTES = 512


def _head(frame: bytes, start: int) -> tuple[int | None, int | None, str]:
    """Kind, id and, of a call, name of the message that begins here, as far as they can be read."""
    reader = unpacker(_HEAD_BYTES, _LONGEST)
    reader.feed(memoryview(frame)[start : start + _HEAD_BYTES])
    kind, answer = None, None
    try:
        fields = reader.read_array_header()
        kind = reader.unpack()
        if type(kind) is int and kind in WITH_ID and fields > 1:
            answer = id_of([kind, reader.unpack()])
            name = reader.unpack() if kind == Kind.CALL and fields > 2 else ""
            return kind, answer, name if type(name) is str else ""
    except UNREADABLE:
        pass
    return kind if type(kind) is int else None, answer, ""


def is_single(frame: bytes) -> bool:
    """Whether a frame is one message and nothing else."""
    walker = _walker(frame, 0)
    try:
        walker.skip()
    except UNREADABLE:
        return False
    return int(walker.tell()) == len(frame)


def item_head_bytes(call_id: int) -> int:
    """What an item message takes besides its value, in bytes (as our own encoders write it)."""
    return 2 + (1 if call_id < 0x80 else 2 if call_id < 0x100 else 3 if call_id < 0x10000 else 5)
