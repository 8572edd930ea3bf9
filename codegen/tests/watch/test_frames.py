"""Messages between the processes."""

from __future__ import annotations

import asyncio
import os

import pytest
from fusewire_codegen.watch import frames
from fusewire_codegen.watch.frames import FrameBuffer

MESSAGES = [{"kind": "a"}, {"text": "é" * 300}, {}]


@pytest.mark.parametrize("size", [1, 3, 7, 10_000])
def test_messages_survive_any_cutting(size: int) -> None:
    data = b"".join(frames.encode(message) for message in MESSAGES)
    buffer = FrameBuffer()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    found = [frames.decode(frame) for piece in pieces for frame in buffer.feed(piece)]
    assert found == MESSAGES


def test_a_whole_frame_can_be_passed_on() -> None:
    frame = frames.encode({"a": 1})
    assert list(FrameBuffer().feed(frame)) == [frame]


async def test_the_end_of_a_stream_is_none_even_inside_a_message() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(frames.encode({"a": 1}) + frames.encode({"b": 2})[:-1])
    stream.feed_eof()
    assert await frames.read(stream) == {"a": 1}
    assert await frames.read(stream) is None


def test_writing_waits_for_the_reader() -> None:
    reader, writer = os.pipe()
    frame = frames.encode({"text": "x" * 1_000_000})
    pid = os.fork()
    if pid == 0:
        frames.write(writer, frame)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == frame
    assert os.waitpid(pid, 0)[1] == 0
