"""What callers raise."""

from __future__ import annotations

from typing import Any


class CallError(Exception):
    """An error as the caller got it."""

    def __init__(
        self, status: int, code: str, detail: Any, data: Any = None, error_id: str | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail, self.data, self.id = status, code, detail, data, error_id
