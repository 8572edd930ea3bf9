"""The supervisor: changes in, requests to the zygote; contracts back, files and one line for each change."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from fusewire_codegen import generate
from fusewire_codegen.contract import ContractError
from fusewire_codegen.failure import describe
from fusewire_codegen.generate import Job
from fusewire_codegen.load import Loaded
from fusewire_codegen.project import Project
from fusewire_codegen.watch.changes import Batch, Kind, changes
from fusewire_codegen.watch.frames import Message
from fusewire_codegen.watch.helper import Helper
from fusewire_codegen.watch.imports import Imported
from fusewire_codegen.watch.launch import DEFAULT_LAUNCHER
from fusewire_codegen.watch.warmth import Warmth

MAX_UNSAFE_PACKAGES = 20
"""With more packages than this that must not be preloaded, none is."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How children run: `launcher` is "fork" or "spawn", `hang_seconds` the time that an import may take."""

    launcher: str = DEFAULT_LAUNCHER
    hang_seconds: float = 20.0
    restart_seconds: float = 0.5
    """The pause before a zygote that ended by itself is replaced."""
    confirm_seconds: float = 1.0
    """How long after a quick answer a whole run checks it, when nothing is saved meanwhile."""


@dataclass
class _Request:
    id: int = 0
    asked: float = 0.0
    """On the clock of `time.perf_counter`."""
    quiet: bool = True
    """Nobody saved anything: nothing is said unless a file changes."""
    changed: frozenset[str] | None = None
    """The files that were saved; None: any may have been."""
    confirms: bool = False
    """Whether it checks a quick answer."""


def watch(job: Job, project: Project, say: Say, settings: Settings | None = None) -> int:
    """Generate now and after every change until SIGINT or SIGTERM, then stop what was started. Returns 0."""
    asyncio.run(Supervisor(job, project, say, settings=settings or Settings()).run())
    return 0


class Supervisor:
    """Keeps the files of `job` equal to what the source says."""

    def __init__(self, job: Job, project: Project, say: Say, *, settings: Settings) -> None:
        self._job, self._project, self._say, self._settings = job, project, say, settings
        self._stop = asyncio.Event()
        self._helper: Helper | None = None
        self._latest = _Request()
        self._answered = 0
        self._modules: dict[str, None] = {}
        self._unsafe: set[str] = set()
        self._warmth = Warmth()
        self._confirming: asyncio.TimerHandle | None = None
        self._last_error: str | None = None
        self._replacing = False

    async def run(self) -> None:
        """Run until a signal asks for the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        self._request(_Request(quiet=False))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(self._serve())
            tasks.create_task(self._follow())
            await self._stop.wait()
            serving.cancel()
            if self._confirming:
                self._confirming.cancel()

    async def _follow(self) -> None:
        written = frozenset(path.resolve() for path in self._job.outputs)
        async with aclosing(changes(self._project, self._stop, written)) as batches:
            async for batch in batches:
                self._changed(batch)

    def _changed(self, batch: Batch) -> None:
        helper = self._helper
        changed = None
        if batch.kind is Kind.SOURCES:
            changed = frozenset(os.path.realpath(path) for path in batch.paths)
        self._warmth.changed(changed)
        self._request(_Request(quiet=changed is None, changed=changed))
        # What the zygote has imported stays as it was; only another zygote has it as it is now.
        if helper and (batch.kind is Kind.PACKAGES or not helper.files.isdisjoint(batch.paths)):
            self._modules.clear()
            self._unsafe.clear()
            self._replace(helper)

    def _request(self, request: _Request) -> None:
        if self._confirming:
            self._confirming.cancel()
        # A quiet request that replaces one of a save takes its place: the save is still to be answered.
        still_owed = not self._latest.quiet and self._latest.id > self._answered
        request.asked = self._latest.asked if still_owed else time.perf_counter()
        request.quiet = request.quiet and not still_owed
        request.id = self._latest.id + 1
        self._latest = request
        self._send_latest()

    def _send_latest(self) -> None:
        if self._helper:
            request = self._latest
            self._helper.send(
                {
                    "kind": "generate",
                    "id": request.id,
                    "target": str(self._job.target),
                    "root": str(self._project.root),
                    "changed": None if request.changed is None else sorted(request.changed),
                    "whole": request.confirms or not self._warmth.is_wanted,
                    "background": request.confirms,
                }
            )

    async def _serve(self) -> None:
        while True:
            try:
                helper = await Helper.start(
                    {
                        "launcher": self._settings.launcher,
                        "hang_seconds": self._settings.hang_seconds,
                        "root": str(self._project.root),
                    }
                )
            except (OSError, ChildProcessError) as error:
                self._say(f"{error}; trying again")
                await asyncio.sleep(self._settings.restart_seconds)
                continue
            try:
                await self._converse(helper)
            finally:
                self._helper = None
                self._warmth.gone()
                await helper.stop()
            if not self._replacing:
                self._say(f"the helper process ended (exit status {helper.status}); starting another")
                await asyncio.sleep(self._settings.restart_seconds)
            self._replacing = False

    async def _converse(self, helper: Helper) -> None:
        self._helper = helper
        if self._answered < self._latest.id:
            self._send_latest()
        self._preload(list(self._modules))
        while message := await helper.receive():
            self._handle(message)

    def _handle(self, message: Message) -> None:
        if message["kind"] == "unsafe":
            self._unsafe.add(message["package"])
            if self._helper:
                self._replace(self._helper)
            return
        if message["kind"] == "cold":
            self._warmth.ended()
            return
        self._answered = max(self._answered, message["id"])
        if message["kind"] == "contract":
            self._write(message)
        elif message["id"] == self._latest.id:
            # The error of a state that has been replaced already is not worth a word.
            self._report(message["text"])

    def _replace(self, helper: Helper) -> None:
        self._replacing = True
        helper.kill()

    def _write(self, message: Message) -> None:
        try:
            outcome = generate.write(self._job, Loaded(message["contract"], Path(message["source"])))
        except (ContractError, OSError) as error:
            self._report(describe(error, self._project))
            return
        if outcome.written or self._last_error or not self._latest.quiet:
            took = (time.perf_counter() - self._latest.asked) * 1000
            self._say(f"{generate.summary(self._job, outcome)}  {took:.0f} ms")
        is_latest = message["id"] == self._latest.id
        if self._latest.confirms and is_latest and outcome.written:
            self._warmth.was_wrong()
        self._last_error = None
        if "modules" in message:
            self._preload(message["modules"])
        if "imported" in message and is_latest:
            self._warm([Imported(*module) for module in message["imported"]], message["seconds"])
        elif is_latest:
            loop = asyncio.get_running_loop()
            confirm = _Request(quiet=True, changed=frozenset(), confirms=True)
            self._confirming = loop.call_later(self._settings.confirm_seconds, self._request, confirm)

    def _report(self, text: str) -> None:
        if not (self._latest.quiet and text == self._last_error):
            self._say(f"{text}\nthe last good files are kept")
        self._last_error = text

    def _warm(self, imported: list[Imported], seconds: float) -> None:
        is_useful = self._settings.launcher == "fork"
        if self._helper and is_useful and (plan := self._warmth.plan(imported, seconds)):
            self._helper.send({"kind": "warm", "root": str(self._project.root), **plan})

    def _preload(self, modules: list[str]) -> None:
        self._modules |= dict.fromkeys(modules)
        wanted = [name for name in modules if name.partition(".")[0] not in self._unsafe]
        is_useful = self._settings.launcher == "fork" and len(self._unsafe) <= MAX_UNSAFE_PACKAGES
        if self._helper and wanted and is_useful:
            self._helper.send({"kind": "preload", "modules": wanted})
