"""The handshake as the connection that dependencies see."""

from __future__ import annotations

from functools import cached_property

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope


class Handshake(HTTPConnection):
    """With `Authorization` overlaid: a browser cannot set it there, the client's `auth()` sends it in hello.

    Headers are put together when somebody looks at them: most connections never have a reader.
    """

    def __init__(self, scope: Scope, token: str | None) -> None:
        super().__init__(scope)
        self._token = token

    @cached_property
    def headers(self) -> Headers:
        headers = self.scope["headers"]
        if self._token is not None:
            headers = [pair for pair in headers if pair[0].lower() != b"authorization"]
            headers.append((b"authorization", f"Bearer {self._token}".encode("latin-1", "replace")))
        return Headers(raw=headers)
