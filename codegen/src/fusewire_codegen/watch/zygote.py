"""The zygote: a process with one thread, the installed packages imported, and none of the user's code.

It reads `generate` and `preload` messages from its standard input and writes to its standard output:
`ready`, `contract`, `error`, and `unsafe` when a package that was to be preloaded makes it unfit for
forking. It ends when its input does, so that it never outlives the supervisor.
"""

from __future__ import annotations

import importlib
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fusewire_codegen.load import PRELOAD
from fusewire_codegen.project import Project
from fusewire_codegen.watch import frames
from fusewire_codegen.watch.child import module_file
from fusewire_codegen.watch.frames import FrameBuffer, Message
from fusewire_codegen.watch.launch import LAUNCHERS, Child

MAX_SUPERSEDING_SECONDS = 1.0
"""A request replaces the one under way, but after so long without any answer the one under way may finish."""
_CHUNK = 1 << 16


class Zygote:
    """One child at a time; a newer request replaces the child of an older one."""

    def __init__(self, requests: int, replies: int, settings: Message) -> None:
        self._requests, self._replies = requests, replies
        self._launch = LAUNCHERS[settings["launcher"]]
        self._hang_seconds: float = settings["hang_seconds"]
        self._project = Project(Path(settings["root"]))
        self._buffer = FrameBuffer()
        self._child: Child | None = None
        self._next: Message | None = None
        self._unanswered_since: float | None = None
        self._to_preload: deque[str] = deque()

    def run(self) -> None:
        """Serve until the input ends."""
        own = [str(file) for file in _files_of(sys.modules) if self._project.is_below(file)]
        self._send({"kind": "ready", "files": own})
        while self._turn():
            pass
        if self._child:
            self._child.kill()

    def _turn(self) -> bool:
        idle = self._child is None
        waiting = [self._requests] if self._child is None else [self._requests, self._child.replies]
        ready, _, _ = select.select(waiting, [], [], self._patience())
        if self._requests in ready and not self._receive():
            return False
        if self._child and self._child.replies in ready:
            self._read_child(self._child)
        elif self._child and time.monotonic() >= self._child.deadline:
            self._give_up(self._child)
        elif idle and not ready and self._to_preload:
            self._preload(self._to_preload.popleft())
        return True

    def _patience(self) -> float | None:
        if self._child:
            return max(0.0, self._child.deadline - time.monotonic())
        return 0 if self._to_preload else None

    def _receive(self) -> bool:
        data = os.read(self._requests, _CHUNK)
        for frame in self._buffer.feed(data):
            message = frames.decode(frame)
            if message["kind"] == "preload":
                self._to_preload.extend(message["modules"])
            else:
                self._generate(message)
        return bool(data)

    def _generate(self, request: Message) -> None:
        now = time.monotonic()
        self._unanswered_since = self._unanswered_since or now
        if self._child and now - self._unanswered_since > MAX_SUPERSEDING_SECONDS:
            self._next = request
            return
        if self._child:
            self._child.kill()
        self._start(request)

    def _start(self, request: Message) -> None:
        pid, replies = self._launch(request)
        self._child = Child(pid, replies, request, time.monotonic() + self._hang_seconds)

    def _read_child(self, child: Child) -> None:
        data = os.read(child.replies, _CHUNK)
        frame = next(child.buffer.feed(data), None)
        if frame is None and data:
            return
        status = child.reap()
        if frame is None:
            text = f"the app ended the interpreter while it was imported (exit status {status})"
            frame = frames.encode({"kind": "error", "id": child.request["id"], "text": text})
        self._settle(frame)

    def _give_up(self, child: Child) -> None:
        child.kill()
        text = f"the app was still being imported after {self._hang_seconds:g} s and was stopped"
        self._settle(frames.encode({"kind": "error", "id": child.request["id"], "text": text}))

    def _settle(self, frame: bytes) -> None:
        frames.write(self._replies, frame)
        self._child, self._unanswered_since = None, None
        if self._next:
            request, self._next = self._next, None
            self._generate(request)

    def _preload(self, name: str) -> None:
        if name in sys.modules:
            return
        # Fusewire itself may lie in the project, and is loaded: only what this import brings can make it unfit.
        before = set(sys.modules)
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001 — a package that only works in the app's own order is left to it.
            problem = True
        else:
            files = _files_of(sys.modules.keys() - before)
            problem = _thread_count() > 1 or any(self._project.is_below(file) for file in files)
        if problem:
            self._to_preload.clear()
            self._send({"kind": "unsafe", "package": name.partition(".")[0]})

    def _send(self, message: Message) -> None:
        frames.write(self._replies, frames.encode(message))


def _files_of(names: Iterable[str]) -> list[Path]:
    modules = [sys.modules[name] for name in list(names) if name in sys.modules]
    return [file for module in modules if (file := module_file(module))]


def _thread_count() -> int:
    # Threads that a C extension starts are not in `threading`.
    with suppress(OSError):
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 — only the number is wanted.
    return threading.active_count()


def main() -> None:
    """Take over the standard streams for the messages: what the user's code prints goes to standard error."""
    requests, replies = os.dup(0), os.dup(1)
    with open(os.devnull) as nothing:  # noqa: PTH123 — a device, not a path of ours.
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    settings = frames.decode(_first_frame(requests))
    if settings["launcher"] == "fork":
        for name in PRELOAD:
            with suppress(ImportError):
                importlib.import_module(name)
    Zygote(requests, replies, settings).run()


def _first_frame(requests: int) -> bytes:
    buffer = FrameBuffer()
    # The supervisor waits for `ready` before it sends more, so that nothing is behind the first frame.
    while data := os.read(requests, _CHUNK):
        if frame := next(buffer.feed(data), None):
            return frame
    raise SystemExit(0)


if __name__ == "__main__":
    main()
