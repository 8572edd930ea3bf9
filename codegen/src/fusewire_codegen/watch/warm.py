"""The warm process: a copy of the zygote that has imported what the last changes left alone, and forks in its place.

A change of a file that it has not imported costs the import of that file and of what depends on it. Modules are imported in the order of
the last whole run, but without those that are left out; where that makes a difference, the whole run that follows an answer tells.
"""

from __future__ import annotations

import gc
import importlib
import os
import socket
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from fusewire_codegen.load import enter, preparing
from fusewire_codegen.project import Project
from fusewire_codegen.watch import child, frames
from fusewire_codegen.watch.frames import FrameBuffer, Message
from fusewire_codegen.watch.imports import fill, hollow, user_files
from fusewire_codegen.watch.launch import Child, thread_count

_CHUNK = 1 << 16
_ANSWER_SECONDS = 5.0


class Warm:
    """The zygote's end of it. `plan` is a `warm` message; `files` is None while it imports."""

    def __init__(self, plan: Message, hang_seconds: float) -> None:
        self.control, theirs = socket.socketpair()
        self.control.settimeout(_ANSWER_SECONDS)
        self.deadline = time.monotonic() + hang_seconds
        self.files: frozenset[str] | None = None
        self._changed: set[str] = set()
        self._buffer = FrameBuffer()
        self._pid = os.fork()
        if self._pid == 0:
            self.control.close()
            _serve(theirs, plan)
        theirs.close()

    def read(self) -> bool:
        """Take in what it says when its socket is ready; False when it has ended."""
        data = self.control.recv(_CHUNK)
        for frame in self._buffer.feed(data):
            self.files = frozenset(frames.decode(frame)["files"])
        return bool(data)

    def is_late(self, now: float) -> bool:
        """Whether it imports for too long, on the clock of `time.monotonic`."""
        return self.files is None and now >= self.deadline

    def fits(self, changed: Collection[str]) -> bool:
        """Whether nothing that it imported has changed, with the `changed` files added to those before."""
        self._changed.update(changed)
        return self.files is None or self.files.isdisjoint(self._changed)

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

    def stop(self) -> None:
        """End it; its child has to be ended before."""
        self.control.close()
        with suppress(ProcessLookupError):
            os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)

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


def _serve(control: socket.socket, plan: Message) -> None:
    """Import, say `ready`, and fork for every request until the zygote is gone."""
    # Nothing is collected here: what is imported stays, and a collector's marks would copy every page for each child.
    gc.disable()
    with preparing() as prepare:
        try:
            with child.silence():
                packages = _import(plan)
                prepare()
        except BaseException:  # noqa: BLE001 — a module that needs another order: the whole run has nothing against it.
            os._exit(1)
        # The `__init__` of a hollow package is run by each child.
        mine = set(user_files(Project(Path(plan["root"])))) - {
            Path(str(package.__file__)) for package in packages
        }
        if thread_count() > 1 or not sys.modules.keys().isdisjoint(plan["left_out"]):
            os._exit(1)
        _answer(control, {"files": sorted(os.path.realpath(file) for file in mine)})
        while True:
            _turn(control, packages)


def _import(plan: Message) -> list[ModuleType]:
    """Import what is planned; returns the hollow packages in the order in which they were complete in the whole run."""
    enter(Path(plan["root"]))
    packages = {name: hollow(name) for name in sorted(plan["hollow"])}
    for name in plan["modules"]:
        importlib.import_module(name)
    return [packages[name] for name in plan["hollow"]]


def _turn(control: socket.socket, packages: list[ModuleType]) -> None:
    data, descriptors, _, _ = socket.recv_fds(control, _CHUNK, 1)
    if not data:
        os._exit(0)
    message = frames.decode(data)
    if message["kind"] == "wait":
        status = os.waitstatus_to_exitcode(os.waitpid(message["pid"], 0)[1])
        _answer(control, {"status": status})
        return
    (replies,) = descriptors
    pid = os.fork()
    if pid == 0:
        control.close()
        child.run(message, replies, lambda: fill(packages))
    os.close(replies)
    _answer(control, {"pid": pid})


def _answer(control: socket.socket, message: Message) -> None:
    control.sendall(frames.encode(message))
