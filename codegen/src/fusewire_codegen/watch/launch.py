"""How a child is started: by `fork`, or as a fresh interpreter where forking is unsafe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from fusewire_codegen.watch import child
from fusewire_codegen.watch.frames import FrameBuffer, Message


@dataclass
class Child:
    """A process that works on `request` and writes its one answer to the descriptor `replies`."""

    pid: int
    replies: int
    request: Message
    deadline: float
    """When it is given up, on the clock of `time.monotonic`."""
    wait: Callable[[int], int] | None = None
    """Has the process's end awaited by its parent, when that is another than this one; returns the exit status."""
    buffer: FrameBuffer = field(default_factory=FrameBuffer)
    began: float = field(default_factory=time.monotonic)

    @property
    def is_quick(self) -> bool:
        """Whether it began with a part of the app imported."""
        return self.wait is not None

    def kill(self) -> int:
        """End the process if it runs, and return its exit status (negative: the signal)."""
        # Its id cannot belong to another process: a child is not gone before `waitpid`. (Its parent may be, with it.)
        with suppress(ProcessLookupError):
            os.kill(self.pid, 9)
        return self.reap()

    def reap(self) -> int:
        """Wait for the end of the process and return its exit status."""
        os.close(self.replies)
        if self.wait is not None:
            return self.wait(self.pid)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


Launch = Callable[[Message], tuple[int, int]]
"""Starts a child for a request; returns its process id and the descriptor of its answer."""


def fork(request: Message) -> tuple[int, int]:
    """A copy of this process, with all that is imported in it. Only for a process with one thread."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        child.run(request, writer)
    os.close(writer)
    return pid, reader


def spawn(request: Message) -> tuple[int, int]:
    """A fresh interpreter."""
    reader, writer = os.pipe()
    command = [sys.executable, "-P", "-m", child.__name__, json.dumps(request), str(writer)]
    process = subprocess.Popen(command, pass_fds=(writer,))  # noqa: S603 — our own module.
    os.close(writer)
    process.returncode = 0  # Whoever called reaps it by its id; Popen must not warn that it still runs.
    return process.pid, reader


def thread_count() -> int:
    """How many threads this process has; those that a C extension started are not in `threading`."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 — only the number is wanted.
    return threading.active_count()


LAUNCHERS: dict[str, Launch] = {"fork": fork, "spawn": spawn}
# macOS frameworks that Python itself uses start threads, and abort in a forked process.
DEFAULT_LAUNCHER = "spawn" if sys.platform == "darwin" else "fork"
