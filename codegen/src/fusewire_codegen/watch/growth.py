"""The warm process itself: imports a part of the user's code, and forks a child for every request until the zygote is gone.

Modules are imported in the order of the last whole run, but without those that are left out; where that makes a difference,
the whole run that follows an answer tells.
"""

from __future__ import annotations

import gc
import importlib
import math
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from fusewire_codegen.load import enter, preparing
from fusewire_codegen.project import Project
from fusewire_codegen.watch import child, frames
from fusewire_codegen.watch.frames import Message
from fusewire_codegen.watch.imports import fill, hollow, stage, user_files
from fusewire_codegen.watch.launch import thread_count

GO: Message = {"kind": "go"}
_CHUNK = 1 << 16

_copies: list[int] = []
"""The processes that this one has forked for other parts."""


def grow(plan: Message, controls: list[socket.socket], hang_seconds: float) -> NoReturn:
    """Import, divide until this process is the one at the end of `controls[0]` alone, say what it has imported, and serve."""
    # Nothing is collected here: what is imported stays, and a collector's marks would copy every page for each child.
    gc.disable()
    _end_after(hang_seconds)
    try:
        with preparing() as prepare:
            with child.silence():
                enter(Path(plan["root"]))
                control, packages = _divide(plan, controls, prepare, hang_seconds)
            signal.alarm(0)
            _serve(control, packages, Project(Path(plan["root"])))
    except BaseException:  # noqa: BLE001 — a module that needs another order: the whole run has nothing against it.
        os._exit(1)


def _divide(
    plan: Message, controls: list[socket.socket], prepare: Callable[[], None], hang_seconds: float
) -> tuple[socket.socket, list[ModuleType]]:
    """Returns the one socket that is left and the hollow packages, in the order in which they were complete in the whole run."""
    order: list[str] = plan["order"]
    parts = [frozenset(names) for names in plan["left_out"]]
    hollows: dict[str, ModuleType] = {}
    while True:
        left_out = frozenset[str]().union(*parts)
        modules, hollow_names = stage(order, left_out)
        for name in sorted(hollow_names - hollows.keys()):
            hollows[name] = hollow(name)
        for name in modules:
            if name in hollows:
                fill([hollows.pop(name)])
            elif name not in sys.modules:
                _end_if_gone(controls[0])
                importlib.import_module(name)
        prepare()
        # A thread would be in the half alone that does not fork; what is left out must not have come in by another way.
        if thread_count() > 1 or not sys.modules.keys().isdisjoint(left_out - hollow_names):
            os._exit(1)
        if len(parts) == 1:
            return controls[0], [hollows[name] for name in order if name in hollows]
        middle = (len(parts) + 1) // 2
        pid = os.fork()
        is_copy = pid == 0
        kept, other = slice(None, middle), slice(middle, None)
        if is_copy:
            kept, other = other, kept
        for control in controls[other]:
            control.close()
        controls, parts = controls[kept], parts[kept]
        if is_copy:
            _copies.clear()
            if not controls[0].recv(_CHUNK):
                os._exit(0)
            _end_after(hang_seconds)
        else:
            _copies.append(pid)


def _end_after(hang_seconds: float) -> None:
    # The zygote gives up one that hangs, but does not know the process of a reserve.
    signal.alarm(math.ceil(hang_seconds))


def _end_if_gone(control: socket.socket) -> None:
    # Nothing is sent to a process that imports: what can be read is the end.
    if select.select([control], [], [], 0)[0]:
        _end()


def _end() -> NoReturn:
    # The sockets of the copies end together with this one's.
    for pid in _copies:
        os.waitpid(pid, 0)
    os._exit(0)


def _serve(control: socket.socket, packages: list[ModuleType], project: Project) -> NoReturn:
    # The `__init__` of a hollow package is run by each child.
    mine = set(user_files(project)) - {Path(str(package.__file__)) for package in packages}
    _answer(control, {"files": sorted(os.path.realpath(file) for file in mine)})
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _CHUNK, 1)
        if not data:
            _end()
        message = frames.decode(data)
        if message["kind"] == "wait":
            status = os.waitstatus_to_exitcode(os.waitpid(message["pid"], 0)[1])
            _answer(control, {"status": status})
            continue
        (replies,) = descriptors
        pid = os.fork()
        if pid == 0:
            control.close()
            child.run(message, replies, lambda: fill(packages))
        os.close(replies)
        _answer(control, {"pid": pid})


def _answer(control: socket.socket, message: Message) -> None:
    control.sendall(frames.encode(message))
