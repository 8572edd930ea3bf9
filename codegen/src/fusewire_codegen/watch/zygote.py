"""The zygote: a process with one thread, the installed packages imported, and none of the user's code.

It reads `generate`, `preload` and `warm` messages from its standard input and writes to its standard output:
`ready`, `contract`, `error`, `cold` when there is no warm process as it was asked for, and `unsafe` when a package
that was to be preloaded makes it unfit for forking. It ends when its input does, so that it never outlives the supervisor.
"""

from __future__ import annotations

import importlib
import os
import select
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from fusewire_codegen.load import PRELOAD
from fusewire_codegen.project import Project
from fusewire_codegen.watch import frames
from fusewire_codegen.watch.frames import FrameBuffer, Message
from fusewire_codegen.watch.imports import files_of, user_files
from fusewire_codegen.watch.launch import LAUNCHERS, Child, thread_count
from fusewire_codegen.watch.warm import Warm

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
        self._to_warm: Message | None = None
        self._warm: Warm | None = None

    def run(self) -> None:
        """Serve until the input ends."""
        self._send({"kind": "ready", "files": [str(file) for file in user_files(self._project)]})
        while self._turn():
            pass
        if self._child:
            self._child.kill()
            self._child = None
        self._cool()

    def _turn(self) -> bool:
        idle = self._child is None
        waiting: list[Any] = [self._requests]
        if self._child:
            waiting.append(self._child.replies)
        if self._warm:
            waiting.append(self._warm.control)
        ready, _, _ = select.select(waiting, [], [], self._patience())
        if self._requests in ready and not self._receive():
            return False
        now = time.monotonic()
        if self._child and self._child.replies in ready:
            self._read_child(self._child)
        elif self._child and now >= self._child.deadline:
            self._give_up(self._child)
        elif self._warm and (self._warm.control in ready or self._warm.is_late(now)):
            self._hear_warm(self._warm, is_late=self._warm.control not in ready)
        elif idle and not ready and self._to_preload:
            self._preload(self._to_preload.popleft())
        elif idle and not ready and self._to_warm:
            plan, self._to_warm = self._to_warm, None
            self._cool()
            self._warm = Warm(plan, self._hang_seconds)
        return True

    def _patience(self) -> float | None:
        if self._child is None and (self._to_preload or self._to_warm):
            return 0
        deadlines = [self._child.deadline] if self._child else []
        if self._warm and self._warm.files is None:
            deadlines.append(self._warm.deadline)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _receive(self) -> bool:
        data = os.read(self._requests, _CHUNK)
        for frame in self._buffer.feed(data):
            message = frames.decode(frame)
            if message["kind"] == "preload":
                self._to_preload.extend(message["modules"])
            elif message["kind"] == "warm":
                self._to_warm = message
            else:
                self._generate(message)
        return bool(data)

    def _generate(self, request: Message) -> None:
        changed = request["changed"]
        if self._warm and (changed is None or not self._warm.fits(changed)):
            self._cool()
        if changed is None:
            self._to_warm = None
        now = time.monotonic()
        in_background = self._child is not None and self._child.request["background"]
        if self._unanswered_since is None or in_background:
            self._unanswered_since = now
        if self._child and now - self._unanswered_since > MAX_SUPERSEDING_SECONDS:
            self._next = request
            return
        if self._child:
            self._child.kill()
        self._start(request)

    def _start(self, request: Message) -> None:
        deadline = time.monotonic() + self._hang_seconds
        if self._warm and self._warm.files is not None and not request["whole"]:
            with suppress(OSError):
                self._child = self._warm.launch(request, deadline)
                return
        pid, replies = self._launch(request)
        self._child = Child(pid, replies, request, deadline)

    def _read_child(self, child: Child) -> None:
        data = os.read(child.replies, _CHUNK)
        frame = next(child.buffer.feed(data), None)
        if frame is None and data:
            return
        status = child.reap()
        if child.is_quick and (frame is None or not frames.is_contract(frame)):
            self._start(child.request | {"whole": True})
            return
        if frame is None:
            text = f"the app ended the interpreter while it was imported (exit status {status})"
            frame = frames.encode({"kind": "error", "id": child.request["id"], "text": text})
        self._settle(frame)

    def _give_up(self, child: Child) -> None:
        child.kill()
        if child.is_quick:
            self._start(child.request | {"whole": True})
            return
        text = f"the app was still being imported after {self._hang_seconds:g} s and was stopped"
        self._settle(frames.encode({"kind": "error", "id": child.request["id"], "text": text}))

    def _settle(self, frame: bytes) -> None:
        frames.write(self._replies, frame)
        self._child, self._unanswered_since = None, None
        if self._next:
            request, self._next = self._next, None
            self._generate(request)

    def _cool(self) -> None:
        """End the warm process; what its child was to do is done by another."""
        if self._warm is None:
            return
        unfinished = self._child if self._child and self._child.is_quick else None
        if unfinished:
            unfinished.kill()
        self._warm.stop()
        self._warm = None
        if unfinished:
            self._start(unfinished.request)

    def _hear_warm(self, warm: Warm, *, is_late: bool) -> None:
        if is_late or not warm.read():
            self._cool()
            self._send({"kind": "cold"})
        elif not warm.fits(()):
            self._cool()

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
            files = files_of(sys.modules.keys() - before)
            problem = thread_count() > 1 or any(self._project.is_below(file) for file in files)
        if problem:
            self._to_preload.clear()
            self._send({"kind": "unsafe", "package": name.partition(".")[0]})

    def _send(self, message: Message) -> None:
        frames.write(self._replies, frames.encode(message))


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
