"""What a call is run with when whoever made it may be gone."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import HTTPConnection

from fusewire.procedures.resolve import Surroundings, Values


class Arguments(Surroundings):
    """`connection`: the request or the handshake, as it was."""

    def __init__(self, read: Callable[[], Values], connection: HTTPConnection) -> None:
        self._read = read
        self._connection = connection

    @property
    def connection(self) -> HTTPConnection:
        return self._connection

    def read(self) -> Values:
        return self._read()
