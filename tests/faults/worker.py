"""One worker, as `uvicorn tests.faults.app:app --ws fusewire.serving:WebSocketProtocol` is: it says its port when it serves."""

from __future__ import annotations

import os
import socket
import threading

import uvicorn


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets is not None
        print(sockets[0].getsockname()[1], flush=True)  # noqa: T201  # for who started it


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        "tests.faults.app:app",
        ws="fusewire.serving:WebSocketProtocol",
        log_level="critical",
        timeout_graceful_shutdown=20,
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Server(config).run(sockets=[listener])


def _end_with_parent() -> None:
    # The pipe closes however the parent ended: no worker outlives a test that was killed.
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
