"""From saving a procedure under ./dev.sh to a call that the new code answers."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.harness import Figure
from benchmarks.processes import ROOT, unpinned

SAVES = 15
PAUSE_SECONDS = 1.5
"""Between an answer and the next save: the watcher has written fuse.ts and Vite has seen it."""
READY_SECONDS = 120.0
PATIENCE_SECONDS = 30.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.005
_READY = b"Fusewire is ready"
_PROCEDURE = """

@rpc.get("/saved")
async def saved() -> int:
    return 0
"""


async def saved_to_answered(bench: Bench) -> Figure:
    """Milliseconds, over the port of the page: through Vite's proxy, a new connection for each attempt."""
    del bench
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "copy"
        with unpinned():
            await asyncio.to_thread(_copy, root)
        module = root / "app" / "backend" / "rpc" / "whoami.py"
        text = module.read_text() + _PROCEDURE
        module.write_text(text)
        port = _free_port()
        times = []
        async with _dev_server(root, port):
            await _answered(port, 0)
            for number in range(1, SAVES + 1):
                await asyncio.sleep(PAUSE_SECONDS)
                started = time.perf_counter()
                module.write_text(re.sub(r"return \d+\n$", f"return {number}\n", text))
                await _answered(port, number)
                times.append((time.perf_counter() - started) * 1000)
    return Figure.of(times, f"{SAVES} saves, best {min(times):.0f} ms, worst {max(times):.0f} ms")


def _copy(root: Path) -> None:
    """What a commit would hold, the tools, and the installed npm packages as hard links where the disk is the same."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 — the one on PATH.
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, root / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    if (ROOT / ".venv-tools").exists():  # uv and Node, where the machine has none
        (root / ".venv-tools").symlink_to(ROOT / ".venv-tools")
    shutil.copytree(ROOT / "node_modules", root / "node_modules", symlinks=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _dev_server(root: Path, port: int) -> AsyncIterator[None]:
    # Of a user's own environment, not of the one that runs this.
    own = {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    database = root.parent / "app.sqlite"
    with unpinned():
        process = await asyncio.create_subprocess_exec(
            "./dev.sh",
            cwd=root,
            env=environment | {"PORT": str(port), "DATABASE_URL": f"sqlite+aiosqlite:///{database}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    assert process.stdout is not None
    said = b""
    draining = None
    try:
        async with asyncio.timeout(READY_SECONDS):
            while _READY not in said:
                line = await process.stdout.readline()
                if not line:
                    raise RuntimeError(f"dev.sh ended: {said.decode()[-300:]}")
                said += line
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(_drain(process.stdout))
            try:
                yield
            finally:
                draining.cancel()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.communicate()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def _answered(port: int, number: int) -> None:
    """Wait until the procedure returns `number`."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await _ask(port) != number:  # noqa: ASYNC110 — another process has no event to wait for
            await asyncio.sleep(_POLL_SECONDS)


async def _ask(port: int) -> int | None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return None
    try:
        writer.write(
            f"GET /api/saved HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        async with asyncio.timeout(2):
            answer = await reader.read()
    except (OSError, TimeoutError):
        return None
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(body) if head.startswith(b"HTTP/1.1 200") and body.isdigit() else None
