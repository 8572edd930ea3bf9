"""Values and messages to bytes, and one value back. Nothing here trusts its input."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

from fusewire.wire.messages import Kind, Message, Packed
from fusewire.wire.shapes import PARTS


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large and how deep an inbound message may be (bytes, levels, elements in all).

    `calls`: the procedures whose calls have a bound of their own, in bytes by name.
    """

    message_bytes: int = 2**20
    depth: int = 32
    elements: int = 10_000
    calls: Mapping[str, int] = field(default_factory=dict)


class OverSizeError(ValueError):
    """A value that is larger, deeper or more than it may be."""


def pack(value: Any, default: Callable[[Any], Any] | None = None) -> Packed:
    """Encode one value. An aware `datetime` becomes the timestamp extension; `default` turns other objects into plain ones.

    Raises `ValueError` for a naive datetime and `TypeError` for what neither msgpack nor `default` knows.
    """
    return Packed(msgpack.packb(value, default=default, datetime=True))


BIG_INT_EXTENSION = 1
BIG_INT_DIGITS = 4300
"""As many as Python itself reads and writes as text: the time it takes grows with the square of their number."""


class BigInteger:
    """An integer of any size, as its decimal digits."""

    # No dataclass: pydantic would take it apart.
    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def __repr__(self) -> str:
        return f"BigInteger({self._digits!r})"

    @property
    def extension(self) -> msgpack.ExtType:
        """What `pack` encodes."""
        return msgpack.ExtType(BIG_INT_EXTENSION, self._digits.encode("ascii"))


def pack_map(parts: Mapping[str, Packed]) -> Packed:
    """A map of values that are encoded already."""
    head: bytes = _PACKER.pack_map_header(len(parts))
    return Packed(head + b"".join(_PACKER.pack(key) + part for key, part in parts.items()))


def pack_result(call_id: int, value: Packed) -> bytes:
    """A result message, as `write` would encode it."""
    head: bytes = _RESULT + _PACKER.pack(call_id)
    return head + value


def pack_item(call_id: int, value: Packed) -> bytes:
    """An item message, as `write` would encode it."""
    head: bytes = _ITEM + _PACKER.pack(call_id)
    return head + value


def pack_positioned(call_id: int, value: bytes, position: Packed) -> bytes:
    """An item message with its position."""
    head: bytes = _POSITIONED + _PACKER.pack(call_id)
    return head + value + position


def unpack(data: bytes, sizes: Sizes) -> Any:
    """Decode exactly one value, such as an HTTP body. Raises `OverSizeError` when it is over `sizes`, `ValueError` when it is not one."""
    if len(data) > sizes.message_bytes:
        raise OverSizeError(f"more than {sizes.message_bytes} bytes")
    if len(data) > CAREFUL_BYTES and (fault := count(data, 0, sizes)):
        raise OverSizeError(fault)
    reader = unpacker(len(data))
    reader.feed(data)
    try:
        value = reader.unpack()
    except UNREADABLE as error:
        raise ValueError(f"not msgpack: {type(error).__name__}") from error
    if reader.tell() != len(data):
        raise ValueError("more than one msgpack value")
    if fault := measure(value, sizes):
        raise OverSizeError(fault)
    return value


def write(message: Message) -> bytes:
    """Encode one message. A `Packed` value is put in as it is."""
    kind, fields = PARTS[type(message)]
    values = [getattr(message, name) for name in fields]
    while values and values[-1] in _ABSENT.get(fields[len(values) - 1], ()):
        values.pop()
    head: bytes = _PACKER.pack_array_header(len(values) + 1) + _PACKER.pack(int(kind))
    return head + b"".join(value if isinstance(value, bytes) else _PACKER.pack(value) for value in values)


_PACKER = msgpack.Packer(datetime=True)

pack_scalar: Callable[[Any], Packed] = _PACKER.pack
"""Encode a number, a text, a bool or None, faster than `pack`. Raises `OverflowError` for an integer beyond 64 bits."""

_RESULT = bytes((0x93, Kind.RESULT))
_ITEM = bytes((0x93, Kind.ITEM))
_POSITIONED = bytes((0x94, Kind.ITEM))

# Trailing fields that may be left out, and the value that stands for "absent".
_ABSENT: dict[str, tuple[Any, ...]] = {
    "calls": (None,),
    "session": (None,),
    "timeout_ms": (None,),
    "credentials": (None,),
    "args": ([],),
    "kwargs": ({},),
    "data": (None,),
    "error_id": (None,),
    "positions": (None,),
    "key": (None,),
    "topic": (None,),
    "previous": (None,),
    "position": (None,),
    "recovered": (None,),
}

UNREADABLE = (ValueError, OverflowError, msgpack.exceptions.UnpackException)
"""Text that is not UTF-8 and keys that are not text are ValueErrors, timestamps beyond datetime's years are OverflowErrors."""


def unpacker(most: int, longest: int = -1) -> msgpack.Unpacker:
    """A decoder of this protocol's msgpack for at most so many bytes. `longest`: elements of one container; by default what fits."""
    return msgpack.Unpacker(
        raw=False,
        timestamp=3,
        ext_hook=_extension,
        max_buffer_size=max(most, 1),
        # Its buffer grows as it is fed; what it would take by default is a mebibyte.
        read_size=min(max(most, 1), 4096),
        # It makes room for as many elements as a container says it has, before it has read one.
        max_array_len=longest,
        max_map_len=longest,
    )


def _extension(code: int, data: bytes) -> int:
    if code != BIG_INT_EXTENSION:
        raise ValueError(f"extension {code} is none of this protocol's")
    if len(data) > BIG_INT_DIGITS + 1 or not _DIGITS(data):
        raise ValueError("not the digits of an integer")
    return int(data)


_DIGITS = re.compile(rb"-?[0-9]+").fullmatch


CAREFUL_BYTES = 64 * 1024
"""From here on the elements are counted before anything is built of them: a byte can cost 64 of memory."""


def end_of(data: bytes, start: int, most: int) -> int | None:
    """Where the value that begins here ends, however deep it is nested. None if it has more than `most` parts, or does not end."""
    at, open_values = start, 1
    for _ in range(most):
        if at >= len(data):
            return None
        at, children = _skip(data, at)
        open_values += children - 1
        if open_values == 0:
            return at if at <= len(data) else None
    return None


def count(data: bytes, start: int, sizes: Sizes) -> str | None:
    """Walk over one encoded value without building it, and say which bound of `sizes` it breaks.

    Coarse (a map's keys count too, twice the elements are let through) and over soon: `measure` has the exact word. Bytes that are
    not msgpack, or end too early, are left to the decoder.
    """
    at, elements, end = start, 0, len(data)
    open_containers = [1]
    while open_containers:
        if open_containers[-1] == 0:
            open_containers.pop()
            continue
        open_containers[-1] -= 1
        if at >= end:
            return None
        at, children = _skip(data, at)
        if children:
            elements += children
            # The message's own array is no level of the caller's value.
            if elements > 2 * sizes.elements:
                return f"more than {sizes.elements} elements"
            open_containers.append(children)
            if len(open_containers) > sizes.depth + 2:
                return f"nested deeper than {sizes.depth}"
    return None


def _skip(data: bytes, at: int) -> tuple[int, int]:
    """Where the head (or the whole scalar) that begins here ends, and how many values belong to it."""
    tag = data[at]
    if tag < 0x80 or tag >= 0xE0:
        return at + 1, 0
    if tag < 0x90:
        return at + 1, 2 * (tag & 15)
    if tag < 0xA0:
        return at + 1, tag & 15
    if tag < 0xC0:
        return at + 1 + (tag & 31), 0
    fixed, length_bytes, per_length, children = _HEADS[tag]
    if not length_bytes:
        return at + 1 + fixed, 0
    length = int.from_bytes(data[at + 1 : at + 1 + length_bytes], "big")
    return at + 1 + length_bytes + fixed + per_length * length, children * length


# Tags 0xc0 to 0xdf: bytes after the tag, bytes of a length, bytes per length, values per length.
_HEADS: dict[int, tuple[int, int, int, int]] = {
    **dict.fromkeys((0xC0, 0xC1, 0xC2, 0xC3), (0, 0, 0, 0)),
    **{0xC4 + i: (0, 1 << i, 1, 0) for i in range(3)},
    **{0xC7 + i: (1, 1 << i, 1, 0) for i in range(3)},
    0xCA: (4, 0, 0, 0),
    0xCB: (8, 0, 0, 0),
    **{0xCC + i: (1 << i, 0, 0, 0) for i in range(4)},
    **{0xD0 + i: (1 << i, 0, 0, 0) for i in range(4)},
    **{0xD4 + i: (1 + (1 << i), 0, 0, 0) for i in range(5)},
    **{0xD9 + i: (0, 1 << i, 1, 0) for i in range(3)},
    **{0xDC + i: (0, 2 << i, 0, 1) for i in range(2)},
    **{0xDE + i: (0, 2 << i, 0, 2) for i in range(2)},
}


def measure(value: Any, sizes: Sizes) -> str | None:
    """Count levels and elements without recursion: the peer chose the depth."""
    level, depth, elements = [value], 0, 0
    while level:
        below: list[Any] = []
        for container in level:
            if type(container) is list:
                elements += len(container)
                below += [item for item in container if type(item) is list or type(item) is dict]
            elif type(container) is dict:
                elements += len(container)
                below += [item for item in container.values() if type(item) is list or type(item) is dict]
        if elements > sizes.elements:
            return f"more than {sizes.elements} elements"
        if below:
            depth += 1
            # The message's own array is no level of the caller's value.
            if depth > sizes.depth:
                return f"nested deeper than {sizes.depth}"
        level = below
    return None
