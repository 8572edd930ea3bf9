"""The backend of ./dev.sh: uvicorn, anew after every change of the app's or the framework's Python. Started by dev.py.

`uvicorn --reload` starts an interpreter each time, which spends a second importing packages that have not changed. Here they are imported
once, in a process with one thread (the zygote) that forks a worker for every change. The socket stays open meanwhile: a call that comes
too early waits for the new worker.
"""

import asyncio
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import aclosing, suppress
from pathlib import Path

import uvicorn
from fusewire_codegen import fresh
from fusewire_codegen.project import Project
from fusewire_codegen.watch.changes import Batch, Kind, changes
from fusewire_codegen.watch.launch import thread_count

ROOT = Path(__file__).resolve().parents[1]
APP = "app.backend.main:app"
RELOADED = (ROOT / "app" / "backend", ROOT / "server" / "src")
STOP_SECONDS = 1
"""How long a worker may go on with what is open; clients connect again by themselves."""
KILL_SECONDS = 2.0


def main() -> None:
    """`reload.py PORT`; the zygote is `reload.py --zygote DESCRIPTOR [--plain]`."""
    match sys.argv[1:]:
        case ["--zygote", descriptor, *rest]:
            Zygote(socket.socket(fileno=int(descriptor)), may_preload="--plain" not in rest).run()
        case [port]:
            with socket.create_server(("127.0.0.1", int(port)), backlog=2048) as listening:
                asyncio.run(supervise(listening))
        case _:
            sys.exit("usage: reload.py PORT")


async def supervise(listening: socket.socket) -> None:
    """Ask the zygote for a worker now and after every change; for another zygote when packages change."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    zygote = await start_zygote(listening)
    try:
        async with aclosing(changes(Project(ROOT), stop)) as batches:
            await anext(batches, None)  # the watches are in place
            async for batch in batches:
                if batch.kind is Kind.PACKAGES or zygote.returncode is not None:
                    await stop_zygote(zygote)
                    zygote = await start_zygote(listening)
                elif concerns_backend(batch) and zygote.stdin is not None:
                    zygote.stdin.write(b"\n")
    finally:
        await stop_zygote(zygote)


def concerns_backend(batch: Batch) -> bool:
    # Of a new folder it is not known what was saved in it before it was watched.
    return batch.kind is Kind.WATCHING or any(is_reloaded(path) for path in batch.paths)


def is_reloaded(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in RELOADED)


async def start_zygote(listening: socket.socket) -> asyncio.subprocess.Process:
    descriptor = listening.fileno()
    command = [sys.executable, str(Path(__file__)), "--zygote", str(descriptor)]
    return await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, pass_fds=[descriptor], cwd=ROOT
    )


async def stop_zygote(zygote: asyncio.subprocess.Process) -> None:
    if zygote.stdin is not None:
        zygote.stdin.close()
    await zygote.wait()


class Zygote:
    """Forks a worker at the start and for whatever is read; ends, with its workers, when its input does."""

    def __init__(self, listening: socket.socket, *, may_preload: bool) -> None:
        self._listening = listening
        self._may_preload = may_preload
        self._worker: int | None = None
        self._report: int | None = None

    def run(self) -> None:
        self._replace()
        while self._turn():
            pass
        self._end()

    def _turn(self) -> bool:
        waiting = [0] if self._report is None else [0, self._report]
        ready, _, _ = select.select(waiting, [], [])
        if 0 in ready:
            if not os.read(0, 4096):
                return False
            self._replace()
        elif self._report in ready:
            self._preload()
        return True

    def _replace(self) -> None:
        self._end()
        if self._report is not None:
            os.close(self._report)
        self._report, writer = os.pipe()
        self._worker = os.fork()
        if self._worker == 0:
            os.close(self._report)
            work(self._listening, writer)
        os.close(writer)

    def _end(self) -> None:
        """End the worker: asked first, and killed when it takes too long. Two at a time would share neither rooms nor sessions."""
        if self._worker is None:
            return
        os.kill(self._worker, signal.SIGTERM)
        deadline = time.monotonic() + KILL_SECONDS
        while not os.waitpid(self._worker, os.WNOHANG)[0]:
            if time.monotonic() >= deadline:
                os.kill(self._worker, signal.SIGKILL)
            time.sleep(0.005)
        self._worker = None

    def _preload(self) -> None:
        assert self._report is not None
        with os.fdopen(self._report) as report:
            names = report.read().split()
        self._report = None
        for name in names:
            if self._may_preload and name not in sys.modules:
                with suppress(Exception):  # one that needs another order is left to the workers
                    importlib.import_module(name)
                if not is_fit():
                    # It must not fork any more. Another takes its place, and imports nothing before its workers do.
                    self._end()
                    descriptor = str(self._listening.fileno())
                    os.execv(sys.executable, [sys.executable, __file__, "--zygote", descriptor, "--plain"])  # noqa: S606 - this very program


def is_fit() -> bool:
    """Whether this process may fork: it has one thread, and nothing of the project."""
    return thread_count() == 1 and not any(is_ours(name) for name in sys.modules)


class Server(uvicorn.Server):
    """Tells, once it serves, which modules it has that are not ours; the app's lifespan may bring some."""

    def __init__(self, config: uvicorn.Config, report: int) -> None:
        super().__init__(config)
        self._report = report

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        with os.fdopen(self._report, "w") as stream:
            stream.write("\n".join(name for name in list(sys.modules) if not is_ours(name)))


def work(listening: socket.socket, report: int) -> None:
    """Serve until a signal; never returns."""
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # in place of the zygote's orders
        fresh.install(ROOT)
        sys.path.insert(0, str(ROOT))
        config = uvicorn.Config(
            APP,
            access_log=False,  # it would show query strings
            log_level="warning",
            timeout_graceful_shutdown=STOP_SECONDS,
            ws_per_message_deflate=False,
        )
        Server(config, report).run(sockets=[listening])
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException as error:  # noqa: BLE001 — the app may raise anything; the next save may mend it
        sys.stderr.write(described(error))
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def described(error: BaseException) -> str:
    """Its traceback, without the lines of packages: they would bury what was just saved."""
    told = traceback.TracebackException.from_exception(error)
    one: traceback.TracebackException | None = told
    while one is not None:
        own = [frame for frame in one.stack if is_reloaded(Path(frame.filename))]
        if own or isinstance(error, SyntaxError):
            one.stack = traceback.StackSummary.from_list(own)
        one = one.__cause__ or one.__context__
    return "".join(told.format())


def is_ours(name: str) -> bool:
    """Whether a module lies in this repository."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not isinstance(file, str) or name in ("__main__", "__mp_main__"):
        return False
    if (
        name.partition(".")[0] == "fusewire_codegen"
    ):  # of which this file needs some; it has no part in serving
        return False
    return Project(ROOT).is_below(Path(file))


if __name__ == "__main__":
    main()
