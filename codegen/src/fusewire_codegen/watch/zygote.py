"""The zygote: a process with one thread, the installed packages imported, and none of the user's code.

It reads `generate`, `preload` and `warm` messages from its standard input and writes to its standard output:
`ready`, `contract`, `error`, `cold` when there are no warm processes as they were asked for, and `unsafe` when a package
that was to be preloaded makes it unfit for forking. It ends when its input does, so that it never outlives the supervisor.
"""

from __future__ import annotations

import importlib
import os
import select
import sys
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from fusewire_codegen.load import PRELOAD
from fusewire_codegen.project import Project
from fusewire_codegen.watch import frames
from fusewire_codegen.watch.frames import FrameBuffer, Message
from fusewire_codegen.watch.imports import files_of, user_files
from fusewire_codegen.watch.launch import LAUNCHERS, Child, thread_count
from fusewire_codegen.watch.warm import Grove, Warm

MAX_SUPERSEDING_SECONDS = 1.0
"""A request replaces the one under way, but after so long without any answer the one under way may finish."""
USUAL_TIMES = 3
"""For that it has so many times as long as the last whole run took: one that hangs is not waited for by the save that mends it."""
_LOOK_SECONDS = 0.02
"""How long between two looks whether the warm processes that are to end have done so."""
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
        self._whole_seconds: float | None = None
        self._to_preload: deque[str] = deque()
        self._to_warm: Message | None = None
        self._grove: Grove | None = None
        self._stopped: list[Grove] = []

    def run(self) -> None:
        """Serve until the input ends."""
        self._send({"kind": "ready", "files": [str(file) for file in user_files(self._project)]})
        while self._turn():
            pass
        if self._child:
            self._child.kill()
            self._child = None
        self._cool()
        while self._stopped:
            self._look_after_stopped()
            time.sleep(_LOOK_SECONDS)

    def _turn(self) -> bool:
        idle = self._child is None
        waiting: list[Any] = [self._requests]
        if self._child:
            waiting.append(self._child.replies)
        if self._grove:
            waiting += [warm.control for warm in self._grove]
        ready, _, _ = select.select(waiting, [], [], self._patience())
        # A request replaces the child, and the pipe of the new one has the old one's number.
        looked_at = self._child
        if self._requests in ready and not self._receive():
            return False
        self._look_after_stopped()
        now = time.monotonic()
        if self._child and self._child is looked_at and self._child.replies in ready:
            self._read_child(self._child)
        elif self._child and now >= self._child.deadline:
            self._give_up(self._child)
        elif self._grove and (speaker := _speaker(self._grove, ready, now)):
            self._hear_warm(self._grove, speaker, has_spoken=speaker.control in ready)
        elif idle and not ready and self._to_preload:
            self._preload(self._to_preload.popleft())
        elif idle and not ready and self._to_warm:
            plan, self._to_warm = self._to_warm, None
            self._cool()
            self._grove = Grove(plan, self._hang_seconds)
        elif idle and not ready and self._grove and self._grove.can_grow:
            self._grove.grow()
        return True

    def _patience(self) -> float | None:
        can_grow = self._grove is not None and self._grove.can_grow
        if self._child is None and (self._to_preload or self._to_warm or can_grow):
            return 0
        deadlines = [self._child.deadline] if self._child else []
        if self._grove and self._grove.deadline is not None:
            deadlines.append(self._grove.deadline)
        if self._stopped:
            deadlines.append(time.monotonic() + _LOOK_SECONDS)
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
        if self._grove and (changed is None or not self._grove.fits(changed)):
            self._cool()
        if changed is None:
            self._to_warm = None
        now = time.monotonic()
        in_background = self._child is not None and self._child.request["background"]
        if self._unanswered_since is None or in_background:
            self._unanswered_since = now
        if self._child and now - self._unanswered_since > MAX_SUPERSEDING_SECONDS:
            self._next = request
            usual = max(MAX_SUPERSEDING_SECONDS, USUAL_TIMES * (self._whole_seconds or 0.0))
            self._child.deadline = min(self._child.deadline, self._child.began + usual)
            return
        if self._child:
            self._child.kill()
        self._start(request)

    def _start(self, request: Message) -> None:
        deadline = time.monotonic() + self._hang_seconds
        warm = self._grove.fitting() if self._grove and not request["whole"] else None
        if warm:
            with suppress(OSError):
                self._child = warm.launch(request, deadline)
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
        if not child.is_quick and frame is not None and frames.is_contract(frame):
            self._whole_seconds = time.monotonic() - child.began
        if frame is None:
            text = f"the app ended the interpreter while it was imported (exit status {status})"
            frame = frames.encode({"kind": "error", "id": child.request["id"], "text": text})
        self._settle(frame)

    def _give_up(self, child: Child) -> None:
        child.kill()
        if self._next:
            # One that is slow only has longer the next time: whoever saves without a pause has an answer all the same.
            self._whole_seconds = child.deadline - child.began
            self._go_on()
            return
        if child.is_quick:
            self._start(child.request | {"whole": True})
            return
        text = f"the app was still being imported after {self._hang_seconds:g} s and was stopped"
        self._settle(frames.encode({"kind": "error", "id": child.request["id"], "text": text}))

    def _settle(self, frame: bytes) -> None:
        frames.write(self._replies, frame)
        self._go_on()

    def _go_on(self) -> None:
        self._child, self._unanswered_since = None, None
        if self._next:
            request, self._next = self._next, None
            self._generate(request)

    def _cool(self) -> None:
        """End the warm processes; what a child of theirs was to do is done by another."""
        if self._grove is None:
            return
        unfinished = self._child if self._child and self._child.is_quick else None
        if unfinished:
            unfinished.kill()
        self._grove.stop()
        self._stopped.append(self._grove)
        self._grove = None
        if unfinished:
            self._start(unfinished.request)

    def _look_after_stopped(self) -> None:
        self._stopped = [grove for grove in self._stopped if not grove.has_ended()]

    def _hear_warm(self, grove: Grove, warm: Warm, *, has_spoken: bool) -> None:
        if has_spoken and warm.read():
            if not grove.fits(()):
                self._cool()
        elif warm is grove.main:
            self._cool()
            self._send({"kind": "cold"})
        else:
            grove.lost(warm)

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


def _speaker(grove: Grove, ready: Collection[object], now: float) -> Warm | None:
    """A warm process that said something, ended, or imports for too long."""

    def is_due(warm: Warm) -> bool:
        return warm.control in ready or (warm.deadline is not None and now >= warm.deadline)

    return next(filter(is_due, grove), None)


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
