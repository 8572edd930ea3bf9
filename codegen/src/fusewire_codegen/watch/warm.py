"""The zygote's end of the warm processes: copies of it that have imported what a change leaves alone, and fork in its place.

The *main* one has imported all but what the last changes reach, so that the next save of the same files costs their import alone.
The others, the *reserves*, have left out a part of the rest each, for the first save of a file in that part. They are made by
division: whoever is to make those without the parts A to D imports what all four may have, forks, and goes on to A and B, the copy
to C and D; so n processes cost log n imports of the app, and share their memory. A reserve goes on only when it is told to, one
at a time, while nothing else is to be done.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Collection, Iterator
from contextlib import suppress

from fusewire_codegen.watch import frames, growth
from fusewire_codegen.watch.frames import FrameBuffer, Message
from fusewire_codegen.watch.launch import Child

_CHUNK = 1 << 16
_ANSWER_SECONDS = 5.0
END_SECONDS = 0.5
"""How long a module that is being imported may go on when it is of no use any more."""


class Warm:
    """One warm process. `files` is what it has imported of the project, None before it is ready."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.control.settimeout(_ANSWER_SECONDS)
        self.deadline: float | None = None
        """When it has imported for too long, on the clock of `time.monotonic`; None: it does not import."""
        self.files: frozenset[str] | None = None
        self._buffer = FrameBuffer()

    def read(self) -> bool:
        """Take in that it is ready, when its socket can be read; False when it has ended."""
        try:
            data = self.control.recv(_CHUNK)
        except OSError:
            return False
        for frame in self._buffer.feed(data):
            self.files = frozenset(frames.decode(frame)["files"])
            self.deadline = None
        return bool(data)

    def go(self, deadline: float) -> bool:
        """Have it import what it is to have; False when it has ended."""
        self.deadline = deadline
        with suppress(OSError):
            self.control.sendall(frames.encode(growth.GO))
            return True
        return False

    def launch(self, request: Message, deadline: float) -> Child:
        """Have it fork a child. Raises `OSError` when it is gone."""
        reader, writer = os.pipe()
        try:
            socket.send_fds(self.control, [frames.encode(request)], [writer])
            pid = self._answer()["pid"]
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        return Child(pid, reader, request, deadline, wait=self._wait)

    def _wait(self, pid: int) -> int:
        try:
            self.control.sendall(frames.encode({"kind": "wait", "pid": pid}))
            status: int = self._answer()["status"]
        except OSError:
            return -9
        return status

    def _answer(self) -> Message:
        while data := self.control.recv(_CHUNK):
            if frame := next(self._buffer.feed(data), None):
                return frames.decode(frame)
        raise BrokenPipeError("the warm process has ended")


class Grove:
    """The warm processes of one plan, which is a `warm` message: the main one, and the reserves in the order in which they are made."""

    def __init__(self, plan: Message, hang_seconds: float) -> None:
        pairs = [socket.socketpair() for _ in plan["left_out"]]
        self._hang_seconds = hang_seconds
        self._changed: set[str] = set()
        self._ends = math.inf
        self._living = [Warm(ours) for ours, _ in pairs]
        self._waiting = self._living[1:]
        self.main = self._living[0]
        self.main.deadline = time.monotonic() + hang_seconds
        self._pid = os.fork()
        if self._pid == 0:
            for ours, _ in pairs:
                ours.close()
            growth.grow(plan, [theirs for _, theirs in pairs], hang_seconds)
        for _, theirs in pairs:
            theirs.close()

    def __iter__(self) -> Iterator[Warm]:
        return iter(self._living)

    @property
    def deadline(self) -> float | None:
        """When the one that imports now, if one does, has done so for too long."""
        return next((warm.deadline for warm in self if warm.deadline is not None), None)

    @property
    def can_grow(self) -> bool:
        """Whether the next reserve can be made: what is there is ready, and of use still."""
        return bool(self._waiting) and self.deadline is None and self._serves(self.main)

    def grow(self) -> None:
        """Have the next reserve made."""
        warm = self._waiting.pop(0)
        if not warm.go(time.monotonic() + self._hang_seconds):
            self.lost(warm)

    def fits(self, changed: Collection[str]) -> bool:
        """Whether one of them has imported nothing that has changed, or may turn out so, with the `changed` files added to those before."""
        self._changed.update(changed)
        return self.main.files is None or self.fitting() is not None

    def fitting(self) -> Warm | None:
        """One that is ready and has imported nothing that has changed; the main one rather than another."""
        return next(filter(self._serves, self), None)

    def lost(self, warm: Warm) -> None:
        """`warm` has ended, or is to."""
        warm.control.close()
        self._living.remove(warm)

    def stop(self) -> None:
        """Have them all end, when they have imported what they are at; a child of theirs has to be ended before."""
        for warm in self:
            warm.control.close()
        self._ends = time.monotonic() + END_SECONDS

    def has_ended(self) -> bool:
        """After `stop`, whether it is done, by force where it takes too long. The main process waits for the others: it made them."""
        if time.monotonic() > self._ends:
            with suppress(ProcessLookupError):
                os.kill(self._pid, 9)
            return os.waitpid(self._pid, 0)[0] == self._pid
        return os.waitpid(self._pid, os.WNOHANG)[0] == self._pid

    def _serves(self, warm: Warm) -> bool:
        return warm.files is not None and warm.files.isdisjoint(self._changed)
