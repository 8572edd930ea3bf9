"""A container that was replaced has another address: nginx has to notice while it runs."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from tests.support.nginx import NginxServer
from tests.support.ports import free_port
from tests.topology.native import until


class Names:
    """A DNS server that gives one address for every name (RFC 1035 §4)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def serve(self) -> None:
        while True:
            question, asker = self._socket.recvfrom(512)
            if question == b"stop":
                return
            head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
            record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(self.address)
            self._socket.sendto(head + question[12:] + record, asker)

    def stop(self) -> None:
        self._socket.sendto(b"stop", ("127.0.0.1", self.port))


@contextmanager
def serving_names(address: str) -> Iterator[Names]:
    names = Names(address)
    thread = threading.Thread(target=names.serve)
    thread.start()
    try:
        yield names
    finally:
        names.stop()
        thread.join()
        names._socket.close()


@contextmanager
def serving_its_own_address(address: str, port: int) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(address.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    server = ThreadingHTTPServer((address, port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_replaced_backend_is_found_at_its_new_address() -> None:
    port = free_port()
    with ExitStack() as stack:
        names = stack.enter_context(serving_names("127.0.0.2"))
        for address in ("127.0.0.2", "127.0.0.3"):
            stack.enter_context(serving_its_own_address(address, port))
        settings = {
            "BACKEND": f"backend.test:{port}",
            "FRONTEND": f"frontend.test:{port}",
            "RESOLVER": f"127.0.0.1:{names.port}",
        }
        server = stack.enter_context(NginxServer(settings))

        def who() -> str:
            return httpx.get(f"http://{server.host}/api/who").text

        until(lambda: who() == "127.0.0.2", "the name is known", patience_seconds=10)
        names.address = "127.0.0.3"
        until(lambda: who() == "127.0.0.3", "the new address is known", patience_seconds=10)
