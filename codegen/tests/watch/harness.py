"""A real `fusewire generate --watch`, and conditions on it with deadlines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self, TypeVar

from codegen.tests.projects import COMMAND, ENVIRONMENT, OUTPUT, TARGET, Project

T = TypeVar("T")
DEADLINE_SECONDS = 20.0
_MARK = "FUSEWIRE_TEST_RUN"
_WITH_SETTINGS = """
import sys
from pathlib import Path
from fusewire_codegen.generate import Job
from fusewire_codegen.load import Target
from fusewire_codegen.project import Project
from fusewire_codegen.watch.supervisor import Settings, watch
job = Job(Target.parse({target!r}), (Path({output!r}).absolute(),))
say = lambda line: print(line, flush=True)
sys.exit(watch(job, Project(Path.cwd()), say, Settings({settings})))
"""


def until(condition: Callable[[], T], what: str) -> T:
    """Wait for a true value of `condition` and return it; `AssertionError` naming `what` after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)
    return value


class Watcher:
    """The process, its output line by line, and every process that descends from it.

    As a context it waits for a line with `first`, and in the end for the end of all of them. `more`: arguments of the command.
    """

    def __init__(
        self,
        project: Project,
        *more: str,
        settings: str = "",
        first: str = "fuse.ts  ",
        **environment: str,
    ) -> None:
        self.project = project
        self.lines: list[str] = []
        self._first = first
        self._mark = uuid.uuid4().hex
        text = _WITH_SETTINGS.format(target=TARGET, output=OUTPUT, settings=settings)
        command = [str(COMMAND), "generate", TARGET, "-o", OUTPUT, "--watch", *more]
        self.process = subprocess.Popen(
            [sys.executable, "-c", text] if settings else command,
            cwd=project.root,
            env=ENVIRONMENT | {_MARK: self._mark} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        if self._first:
            self.line(self._first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.process.poll() is None:
                assert self.end(signal.SIGTERM) == 0
        finally:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            self.process.wait(DEADLINE_SECONDS)
            self._reader.join(DEADLINE_SECONDS)
            if self.process.stdout is not None:
                self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def line(self, text: str, *, after: int = 0) -> str:
        """The first line with `text` in it, of those behind the first `after`."""

        def found() -> str | None:
            return next((line for line in self.lines[after:] if text in line), None)

        return until(found, f"{text!r} in {self.lines}") or ""

    def output_has(self, text: str) -> None:
        """Wait until the TypeScript file has `text`."""
        until(lambda: text in self.project.output.read_text(), f"{text!r} in the output, {self.lines}")

    def saved(self, *, says: str, save: Callable[[], object]) -> None:
        """Run `save` and wait for a new line with `says`."""
        before = len(self.lines)
        save()
        self.line(says, after=before)

    def end(self, number: signal.Signals) -> int:
        """Send a signal to the watcher alone and return its exit status; asserts that nothing is left running."""
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE_SECONDS)
        until(lambda: not self.processes(), "the end of every process")
        self._reader.join(DEADLINE_SECONDS)
        return status

    def processes(self) -> list[int]:
        """The living processes of this run, the watcher included."""
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and self._is_mine(entry)
        ]

    def zygote(self) -> int:
        """The process id of the zygote."""
        return until(lambda: next(iter(self._zygotes()), None), "a zygote") or 0

    def _zygotes(self) -> list[int]:
        return [pid for pid in self.processes() if _parent(pid) == self.process.pid and _is_zygote(pid)]

    def _is_mine(self, entry: Path) -> bool:
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            return state != "Z" and f"{_MARK}={self._mark}".encode() in (entry / "environ").read_bytes()
        except (OSError, IndexError):
            return False


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_zygote(pid: int) -> bool:
    try:
        return b"watch.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
