"""How asking the model can fail, as the page sees it, and which failure of the SDK is which."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fusewire import RpcError
from pydantic import BaseModel

if TYPE_CHECKING:
    from anthropic import APIStatusError

log = logging.getLogger(__name__)

USUAL_WAIT_SECONDS = 20
LONGEST_WAIT_SECONDS = 3600
BUSY = frozenset({429, 529})
BUSY_TYPES = frozenset({"rate_limit_error", "overloaded_error"})
REFUSED = frozenset({400, 413, 422})


class RetryHint(BaseModel):
    retry_after: int
    """Seconds."""


class ModelBusy(RpcError[RetryHint], status=503):
    """The model has too much to do; nothing is wrong with the prompt."""


class ModelRefused(RpcError, status=422):
    """The model will not answer this prompt; another attempt would end the same."""


class ModelUnavailable(RpcError, status=502):
    """The model cannot be reached, or broke off."""


def failures() -> tuple[type[Exception], ...]:
    """What the SDK raises: its own errors, httpx2's when the stream breaks off, and TypeError for a missing key."""
    # Here, not above: the SDK is slow to import, and what only reads the app's types (codegen) does without.
    from anthropic import AnthropicError
    from httpx2 import HTTPError

    return AnthropicError, HTTPError, TypeError


def declared(error: Exception) -> RpcError[RetryHint] | RpcError:
    """The declared error for one of `failures()`. What only the operator can mend is logged; keys and prompts are not."""
    from anthropic import APIStatusError

    if not isinstance(error, APIStatusError):
        log.warning("! the model cannot be reached: %s", type(error).__name__)
        return ModelUnavailable(message="The model cannot be reached or broke off. Try again.")
    # In the middle of a stream the HTTP status is still 200; only the error's type tells.
    kind = _kind(error)
    if error.status_code in BUSY or kind in BUSY_TYPES:
        wait = _retry_after(error)
        return ModelBusy(RetryHint(retry_after=wait), f"The model is busy. Try again in {wait} s.")
    if error.status_code in REFUSED or kind == "invalid_request_error":
        return ModelRefused(message="The model does not accept this prompt.")
    log.error("! the model answered %s (%s), request %s", error.status_code, kind, error.request_id)
    return ModelUnavailable(message="The model is not available at the moment.")


def _kind(error: APIStatusError) -> str | None:
    body = error.body
    inner = body.get("error") if isinstance(body, dict) else None
    kind = inner.get("type") if isinstance(inner, dict) else None
    return kind if isinstance(kind, str) else None


def _retry_after(error: APIStatusError) -> int:
    text = error.response.headers.get("retry-after", "")
    return min(int(text), LONGEST_WAIT_SECONDS) if text.isdecimal() else USUAL_WAIT_SECONDS
