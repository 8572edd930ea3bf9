"""Every error that crosses the wire, named once.

RpcError                    declare your own: `class BudgetSpent(RpcError[BudgetData], status=402)`
├── InvalidArgument         422  an argument does not fit
├── UnknownProcedure        404
├── Unauthenticated         401  no identity, or a refused one
├── Forbidden               403  a scope is missing
├── OriginNotAllowed        403  a page on another host sent a form
├── RateLimited             429  data: {"retry_after": seconds}
├── TooLarge                413  a message or a result over its bound
├── TooManyCalls            429  too many calls or streams in flight
├── TooManyRooms            429  the session is in as many rooms as it may be
├── NoSession               400  a room was to be joined or left over HTTP
├── IdentityChanged         409  the session is not the identity's any more that the call began with
├── DeadlineExceeded        504
├── Cancelled               499  the caller cancelled
├── Malformed               400  a message that cannot be read
├── Unencodable             500  a result, an item or an error's data that the wire cannot carry exactly
├── Unavailable             503  the call was not started, e.g. because the server is draining
├── KeyReused               422  another call had this key
├── OutcomeUnknown          409  a call with this key was begun; whether it did its work nobody knows
├── ResultNotKept           409  the call with this key was executed; its result was too large to be kept
├── StreamUnknown           404  no stream of that name that this caller may resume
├── StreamLost              410  the rest of a stream cannot be had any more
├── StreamTakenOver         409  another reader goes on with the stream
└── Internal                500  an exception nobody declared; `id` is in the log

RegistrationError           raised while decorating: a signature or a name that cannot work
"""

from __future__ import annotations

from typing import Any, ClassVar, Generic, get_args, get_origin

from typing_extensions import TypeVar

from fusewire.names import upper_snake

Data = TypeVar("Data", default=None)

CODE_BY_STATUS = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    410: "GONE",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    499: "CANCELLED",
    500: "INTERNAL",
    504: "DEADLINE_EXCEEDED",
}
"""The code of an error that only has an HTTP status, such as a `fastapi.HTTPException`. Some have none, for their codes promise more:
`INVALID_ARGUMENT` a list of what does not fit, `RATE_LIMITED` when to try again, `UNAVAILABLE` that the call was not started."""


def code_of_status(status: int) -> str:
    return CODE_BY_STATUS.get(status, f"HTTP_{status}")


PROMISED = frozenset(
    """
    INVALID_ARGUMENT UNKNOWN_PROCEDURE RATE_LIMITED TOO_LARGE TOO_MANY_CALLS TOO_MANY_ROOMS NO_SESSION IDENTITY_CHANGED DEADLINE_EXCEEDED
    CANCELLED MALFORMED UNAVAILABLE UNENCODABLE INTERNAL ORIGIN_NOT_ALLOWED KEY_REUSED OUTCOME_UNKNOWN RESULT_NOT_KEPT STREAM_UNKNOWN
    STREAM_LOST STREAM_TAKEN_OVER CONNECTION_LOST EVENTS_OVERFLOW CLIENT_ERROR
    """.split()
)
"""The codes that tell clients what happened to the call. An app's own error with one of them could make a client send the call again."""


class RegistrationError(TypeError):
    """A procedure, event or router that cannot work as written. Raised at import time, naming function, file and line."""


class RpcError(Exception, Generic[Data]):
    """An error that a caller is meant to see, with a stable `code`, an HTTP `status` and typed `data`.

    `class BudgetSpent(RpcError[BudgetData], status=402)` declares one; its code is `BUDGET_SPENT`.
    `raise BudgetSpent(data, "message")` sends it. `data` must fit the declared type; `message` defaults to the code in words.
    Raises `RegistrationError` for a status that is no error's, and for a code of the framework's own.
    """

    code: str = "RPC_ERROR"
    status: int = 400
    data_type: ClassVar[Any] = None

    def __init_subclass__(cls, *, status: int | None = None, code: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.code = code or upper_snake(cls.__name__)
        if cls.code in PROMISED and not cls.__module__.startswith("fusewire."):
            raise RegistrationError(
                f"{cls.__module__}.{cls.__qualname__}: {cls.code} is a code of the framework's own; choose another name, or code="
            )
        if status is not None:
            if not 400 <= status <= 599:
                raise RegistrationError(f"{cls.__name__}: status must be from 400 to 599, not {status}")
            cls.status = status
        for base in getattr(cls, "__orig_bases__", ()):
            if isinstance(get_origin(base), type) and issubclass(get_origin(base), RpcError):
                (cls.data_type,) = get_args(base)
                if cls.data_type is type(None):
                    cls.data_type = None

    def __init__(self, data: Data | None = None, message: str | None = None) -> None:
        self.data = data
        self.detail: Any = message or self.code.replace("_", " ").capitalize()
        self.id: str | None = None
        self.output: Any = None
        """How its data leaves; set on its way out."""
        super().__init__(self.detail)


class InvalidArgument(RpcError, status=422):
    """Arguments that do not fit their types; `detail` is FastAPI's list of `{type, loc, msg}`, without the input."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.detail = errors


class UnknownProcedure(RpcError, status=404):
    """No procedure of that name on this transport."""

    def __init__(self, name: str) -> None:
        # The name comes from the peer: shown, but never more of it than a reader needs.
        super().__init__(message=f"No procedure named {name[:100]!r}")


class Unauthenticated(RpcError, status=401):
    """The procedure needs an identity and there is none, or the identity was refused."""


class Forbidden(RpcError, status=403):
    """The identity lacks a scope that the procedure asks for."""


class OriginNotAllowed(RpcError, status=403):
    """A page on a host that is not in `origins=` sent a form, or a POST without JSON: a browser lets it, with the user's cookies.

    The call was not started.
    """


class RateLimited(RpcError[dict[str, int]], status=429):
    """The procedure's limit is spent; `data["retry_after"]` is in whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__({"retry_after": retry_after}, f"Too many calls: try again in {retry_after} s")


class TooLarge(RpcError, status=413):
    """A message or a result is over its bound."""


class TooManyCalls(RpcError, status=429):
    """More calls or streams in flight than the connection may have; this one was not started."""


class TooManyRooms(RpcError, status=429):
    """The session is in as many rooms as one may be (`Bounds.rooms`). It did not join this one."""


class NoSession(RpcError, status=400):
    """A room was to be joined or left by a call over HTTP: only a session on a WebSocket can be in one."""


class IdentityChanged(RpcError, status=409):
    """The connection has had other credentials since this call began: its session is somebody else's, and joins no room for it."""


class DeadlineExceeded(RpcError, status=504):
    """The call's deadline passed before it settled."""


class Cancelled(RpcError, status=499):
    """The caller asked for an early end, and the clean-up has run."""


class Malformed(RpcError, status=400):
    """A message or a request body that cannot be read."""


class Unencodable(RpcError, status=500):
    """What a procedure gave has no exact form on the wire, such as an integer beyond 64 bits; `detail` says what would help."""

    def __init__(self, detail: str) -> None:
        super().__init__(message=f"The result cannot be sent: {detail}")


class Unavailable(RpcError, status=503):
    """The call was not started: the server is draining, or what it needs is away."""


class KeyReused(RpcError, status=422):
    """The key of this call was used for one with other arguments; this one was not started."""


class OutcomeUnknown(RpcError, status=409):
    """A call with this key was begun before and did not come to its end: cancelled, or its worker died. It is not executed again."""


class ResultNotKept(RpcError, status=409):
    """The call with this key was executed; its result was larger than what is kept."""


class StreamUnknown(RpcError, status=404):
    """There is no stream of that name, not any more, or it is somebody else's: nobody can tell which."""


class StreamLost(RpcError, status=410):
    """The worker that ran the stream is gone, or what was asked for is not kept any more. What was there came before this."""


class StreamTakenOver(RpcError, status=409):
    """Another reader goes on with this stream."""


class Internal(RpcError, status=500):
    """An exception that nobody declared. The caller gets only an id, which stands in the log beside the traceback."""

    def __init__(self, error_id: str) -> None:
        super().__init__(message="Internal error")
        self.id = error_id


class HttpError(RpcError):
    """A `fastapi.HTTPException` on its way to any transport: its own status, detail and headers."""

    def __init__(self, status: int, detail: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.status = status
        self.code = code_of_status(status)
        self.detail = detail
        self.headers = headers
