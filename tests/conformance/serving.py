"""The app of the conversations in a uvicorn of its own process: what one conversation does to the event loop is no other's trouble."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 10


@contextmanager
def serving(app: str) -> Iterator[str]:
    """Serve `app` or `quick` of `tests.conformance.app` until the block ends; yields the WebSocket's URL."""
    # It listens before uvicorn runs: who connects waits in the backlog, and nobody needs to poll.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        fd = listener.fileno()
        command = f"uvicorn tests.conformance.app:{app} --fd {fd} --ws fusewire.serving:WebSocketProtocol"
        options = "--log-level critical --timeout-graceful-shutdown 5"
        process = subprocess.Popen(
            [sys.executable, "-m", *command.split(), *options.split()], cwd=ROOT, pass_fds=(fd,)
        )
    try:
        yield f"ws://127.0.0.1:{port}/_ws"
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
