"""The supervisor's end of a zygote: start it, talk to it, and leave nothing of it behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

from fusewire_codegen.watch import frames
from fusewire_codegen.watch.frames import Message

STOP_SECONDS = 1.0


class Helper:
    """A running zygote. `files` are what it has imported of the project: Fusewire itself, in its checkout."""

    def __init__(self, process: Process, files: frozenset[Path]) -> None:
        self._process = process
        self.files = files

    @classmethod
    async def start(cls, settings: Message) -> Helper:
        """Start a zygote and wait until it is ready. Raises `ChildProcessError` when it ends instead."""
        # A process group of its own: Ctrl-C in the terminal is for the supervisor alone, and `stop` reaches
        # what the user's code has started too. `-P`: no module of the user's is found in place of a package.
        command = [sys.executable, "-P", "-m", "fusewire_codegen.watch.zygote"]
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, process_group=0)
        helper = cls(process, frozenset())
        try:
            helper.send(settings)
            ready = await helper.receive()
        except BaseException:
            await helper.stop()
            raise
        if ready is None:
            await helper.stop()
            raise ChildProcessError(f"the helper process did not start (exit status {process.returncode})")
        helper.files = frozenset(Path(file) for file in ready["files"])
        return helper

    def send(self, message: Message) -> None:
        """Send `message`; nothing happens when the zygote is gone, which `receive` tells."""
        stream = self._process.stdin
        if stream is not None and not stream.is_closing():
            stream.write(frames.encode(message))

    async def receive(self) -> Message | None:
        """The next message, or None when the zygote is gone."""
        assert self._process.stdout is not None
        return await frames.read(self._process.stdout)

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._process.returncode

    def kill(self) -> None:
        """End the zygote and its child now; `receive` then gives None."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End the zygote, its child, and what the user's code started, and wait for that."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        self.kill()
        await self._process.wait()
