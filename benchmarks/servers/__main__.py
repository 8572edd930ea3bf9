"""Serve one app on a free port, print the port, and end when standard input does.

Nothing but the standard library and uvicorn is imported here: a peer runs this file in an environment of its own.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn


def main() -> None:
    """`python -m benchmarks.servers <module in this package>`."""
    module = importlib.import_module(f"benchmarks.servers.{sys.argv[1]}")
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    # The same for every app, or the comparison would be between settings; but one that is served by a class of its own names it.
    config = uvicorn.Config(
        module.app,
        loop="auto",
        http="auto",
        ws=getattr(module, "WS", "auto"),
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    signal.signal(signal.SIGUSR1, _collect)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _collect(_signal: int, _frame: FrameType | None) -> None:
    gc.collect()
    print("collected", flush=True)


def _end_with_parent() -> None:
    # The pipe closes however the parent ended, so that no server outlives a run that was killed.
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
