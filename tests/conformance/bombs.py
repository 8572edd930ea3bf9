"""Frames of 2 MiB and less that cost a decoder as much as possible: what each takes in time and memory.

`python -m tests.conformance.bombs` prints a line for each.
"""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass

from fusewire.bounds import Bounds
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, write
from fusewire.wire.machine import ServerMachine

from tests.conformance.resources import rss_bytes

SIZE = 2 * 2**20
CALL = b"\x94\x03\x07\xa4echo\x91"
"""The beginning of a call of `echo` with id 7 and one argument."""


def _calls(number: int, maps: int) -> bytes:
    """Calls with ids of their own, each with so many empty maps."""
    argument = b"\xdd" + maps.to_bytes(4, "big") + b"\x80" * maps
    return b"".join(CALL.replace(b"\x07", bytes([n]), 1) + argument for n in range(1, number + 1))


def _array(element: bytes, size: int = SIZE) -> bytes:
    elements = (size - len(CALL) - 5) // len(element)
    return CALL + b"\xdd" + elements.to_bytes(4, "big") + element * elements


def _map(size: int = SIZE) -> bytes:
    pairs = (size - len(CALL) - 5) // 6
    entries = (b"\xa4" + f"{n & 0xFFFF:04x}".encode() + b"\xc0" for n in range(pairs))
    return CALL + b"\xdf" + pairs.to_bytes(4, "big") + b"".join(entries)


BOMBS: dict[str, bytes] = {
    "empty maps in an array": _array(b"\x80"),
    "empty arrays in an array": _array(b"\x90"),
    "empty strings in an array": _array(b"\xa0"),
    "nils in an array": _array(b"\xc0"),
    "floats in an array": _array(b"\xcb" + bytes(8)),
    "moments in an array": _array(b"\xd6\xff" + bytes(4)),
    "arrays of one": _array(b"\x91\xc0"),
    "maps of one": _array(b"\x81\xa0\xc0"),
    "one large map": _map(),
    "arrays within arrays": CALL + b"\x91" * (SIZE - len(CALL) - 1) + b"\xc0",
    "maps within maps": CALL + b"\x81\xa0" * ((SIZE - len(CALL)) // 2) + b"\xc0",
    "arrays within arrays, 500 deep, again and again": _array(b"\x91" * 500 + b"\xc0"),
    "an array that says 4 billion": CALL + b"\xdd\xff\xff\xff\xff" + b"\x80" * (SIZE - 20),
    "a map that says 4 billion": CALL + b"\xdf\xff\xff\xff\xff" + b"\xa0\x80" * (SIZE // 2 - 20),
    "text that says 4 billion": CALL + b"\xdb\xff\xff\xff\xff" + b"x" * (SIZE - 20),
    "an extension that says 4 billion": CALL + b"\xc9\xff\xff\xff\xff\xff" + b"x" * (SIZE - 20),
    "3 KiB of arrays that each say 65,535": CALL + b"\xdc\xff\xff" * 1000,
    "3 KiB of maps that each say 65,535": CALL + b"\xde\xff\xff\xa0" * 800,
    "messages without an end": b"\x91\x0c" * (SIZE // 2),
    "integers without an end": b"\x00" * SIZE,
    "beginnings without an end": b"\xdd\x00\x00\x00\x02" * (SIZE // 5),
    "32 calls of 65,000 empty maps": _calls(32, 65_000),
    "127 calls of 9,900 empty maps": _calls(127, 9_900),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """`seconds` of processor time. `peak_bytes`: more than was in use before, the frame itself aside."""

    seconds: float
    peak_bytes: int
    answers: int


def machine(*, welcomed: bool = True) -> ServerMachine:
    """One with the protocol's bounds, which has said welcome or waits for hello."""
    bounds = Bounds()
    made = ServerMachine(
        Sizes(bounds.message_bytes, bounds.depth, bounds.elements),
        frame_bytes=bounds.frame_bytes,
        frame_messages=bounds.frame_messages,
        held_bytes=bounds.held_bytes,
        malformed=bounds.malformed_messages,
    )
    if welcomed:
        made.receive(write(m.Hello()))
        made.welcome(m.Welcome("s", True, {}))
    return made


def cost_of(frame: bytes) -> Cost:
    """What the server's machine takes for it. Received twice: once for the time, once for the memory, for tracing makes it slow."""
    made, began = machine(), time.process_time()
    answers = sum(1 for _ in made.receive(frame))
    seconds = time.process_time() - began
    made = machine()
    tracemalloc.start()
    try:
        made.receive(frame)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return Cost(seconds, peak, answers)


def main() -> None:
    for name, frame in BOMBS.items():
        before = rss_bytes()
        cost = cost_of(frame)
        print(
            f"{cost.seconds * 1000:7.1f} ms  peak {cost.peak_bytes / 2**20:6.1f} MiB"
            f"  RSS {(rss_bytes() - before) / 2**20:+6.1f} MiB  {cost.answers:4} answers  {name}",
            flush=True,
        )


if __name__ == "__main__":
    main()
