"""Runs the development processes and stops all of them together. Started by ./dev.sh; standard library only.

Each process leads a process group of its own: the terminal's Ctrl-C reaches this file alone; stopping a group
stops what its leader started as well (uvicorn's reloaded worker, Vite's helpers).
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
MAX_LINE_BYTES = 1 << 20


class ProcessEndedError(Exception):
    """The message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    arguments: Sequence[str]
    folder: Path = ROOT


def read_env(path: Path) -> dict[str, str]:
    """NAME=value lines; an empty value is as good as none."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def read_port(text: str) -> int:
    """Raises `ValueError`, whose message is for the person at the terminal."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise ValueError(f"PORT must be a number from 1 to 65535, not {text!r}")
    return int(text)


def is_free(port: int) -> bool:
    # Both families: a server on ::1 alone would be what the browser finds under "localhost".
    for family, host in ((socket.AF_INET, HOST), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((host, port)) == 0:
                return False
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def commands(backend_port: int) -> list[Command]:
    python = str(ROOT / ".venv" / "bin" / "python")
    backend = [python, str(ROOT / "scripts" / "reload.py"), str(backend_port)]
    if sys.platform != "linux":  # where a process that has imported much cannot be forked safely
        backend = [
            *(python, "-m", "uvicorn", "app.backend.main:app", "--host", HOST, "--port", str(backend_port)),
            *("--reload", "--reload-dir", "app/backend", "--reload-dir", "server/src"),
            # A reload must not wait for open streams and sockets; clients reconnect by themselves.
            *("--timeout-graceful-shutdown", "1"),
            *("--ws-per-message-deflate", "false"),
            # Quiet, and no access log: it would show query strings.
            *("--no-access-log", "--log-level", "warning"),
        ]
    return [
        Command("backend", backend),
        Command("watcher", ["./watchers.dev.sh", "--no-setup"]),
        Command(
            "frontend",
            ["node", str(ROOT / "node_modules" / "vite" / "bin" / "vite.js"), "dev", "--logLevel", "warn"],
            ROOT / "app" / "frontend",
        ),
    ]


class Supervisor:
    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._children: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, command: Command) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            *command.arguments,
            cwd=command.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=MAX_LINE_BYTES,
        )
        self._children[command.name] = child
        return child

    async def stop_all(self) -> None:
        """Asks every group, waits, then insists. A group counts as gone when nothing in it is left."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            for child in self._children.values():
                signal_group(child.pid, signal_number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    for child in self._children.values():
                        await child.wait()
                        while signal_group(child.pid, 0):  # noqa: ASYNC110 - a group has no event to wait for
                            await asyncio.sleep(0.02)
                    return


def signal_group(group: int, signal_number: int) -> bool:
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return False
    return True


async def show_output(name: str, child: asyncio.subprocess.Process) -> None:
    assert child.stdout is not None
    while True:
        try:
            line = await child.stdout.readline()
        except ValueError:  # a line over MAX_LINE_BYTES; the reader has dropped it
            continue
        if not line:
            return
        say(f"{name:>8} | {line.decode(errors='replace').rstrip()}")


async def fail_when_it_ends(name: str, child: asyncio.subprocess.Process) -> None:
    code = await child.wait()
    raise ProcessEndedError(f"The {name} stopped by itself (exit code {code}), so everything was stopped.")


async def announce(port: int, backend_url: str) -> None:
    """The banner, once the page and, through its proxy, the backend answer. A broken app may be mended."""
    page = f"http://{HOST}:{port}"
    patience = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    # The backend first and directly: Vite would complain about each request that it cannot pass on.
    urls = (f"{backend_url}/api/health", page, f"{page}/api/health")
    while not await asyncio.to_thread(lambda: all(answers(url) for url in urls)):
        if asyncio.get_running_loop().time() > patience:
            say(f"Not ready after {PATIENCE_SECONDS:.0f} s; the lines above should say why.")
            patience = float("inf")
        await asyncio.sleep(0.1)
    say(f"\n  Fusewire is ready:  http://localhost:{port}")
    say(f"  API documentation:  http://localhost:{port}/api/docs")
    say("  Save a file and it reloads. Ctrl-C stops everything.\n")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


async def run(port: int, backend_port: int, environment: dict[str, str]) -> None:
    """Returns when asked to stop; raises when a process ends by itself. Leaves nothing running."""
    stop = asyncio.Event()
    for signal_number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    supervisor = Supervisor(environment)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(announce(port, environment["BACKEND_URL"]))]
            for command in commands(backend_port):
                child = await supervisor.start(command)
                tasks.append(group.create_task(show_output(command.name, child)))
                tasks.append(group.create_task(fail_when_it_ends(command.name, child)))
            await stop.wait()
            for task in tasks:
                task.cancel()
    finally:
        await supervisor.stop_all()


def main() -> int:
    environment = {**read_env(ROOT / ".env"), **os.environ}
    try:
        port = read_port(environment.get("PORT") or "4053")
    except ValueError as error:
        say(str(error))
        return 1
    if not is_free(port):
        say(f"Port {port} is taken. Stop what uses it, or choose another one: PORT={port + 1} ./dev.sh")
        return 1
    say("Starting the backend, the watcher and the frontend ...")
    backend_port = free_port()
    backend_url = f"http://{HOST}:{backend_port}"
    environment |= {"PORT": str(port), "BACKEND_URL": backend_url, "PYTHONUNBUFFERED": "1"}
    try:
        asyncio.run(run(port, backend_port, environment))
    except* ProcessEndedError as failures:
        say("\n".join(str(failure) for failure in failures.exceptions))
        return_code = 1
    else:
        say("Stopped.")
        return_code = 0
    return return_code


def say(text: str) -> None:
    # The terminal may be gone (SIGHUP): losing the text is fine, losing the clean-up is not.
    with contextlib.suppress(OSError):
        print(text, flush=True)  # noqa: T201 - a command prints


if __name__ == "__main__":
    sys.exit(main())
