"""How a call fails at the caller: as the server says, or because there is no server any more."""

from __future__ import annotations

from typing import Any

from fusewire.errors import RpcError
from fusewire.wire import messages as m


class RemoteError(RpcError[Any]):
    """The server's answer, with its own `code`, `status`, `detail`, `data` and `id`; the last names the entry in the server's log."""

    def __init__(self, error: m.Error) -> None:
        super().__init__(error.data)
        self.code = error.code
        self.status = error.status
        self.detail = error.detail
        self.id = error.error_id
        self.args = (f"{error.status} {error.code}: {error.detail}",)


class ConnectionLost(RpcError[Any], status=503):
    """The connection ended before the call did. `maybe_executed` is False only when the call never left this client."""

    def __init__(self, message: str, *, maybe_executed: bool) -> None:
        super().__init__(message=message)
        self.maybe_executed = maybe_executed
