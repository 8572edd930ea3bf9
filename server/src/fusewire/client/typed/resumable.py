"""Streams that go on when their connection is lost, and in another process."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from fusewire.client.typed.client import BaseClient, Namespace
from fusewire.client.typed.core import Caller
from fusewire.client.typed.procedures import StreamCall
from fusewire.client.typed.stream import ResumableStream

P = ParamSpec("P")
T = TypeVar("T")


class ResumableMethod(Generic[P, T]):
    """What `client.chat` is when its stream can be resumed: to be called, or to go on with a stream of before."""

    def __init__(
        self, caller: Caller, procedure: StreamCall[T], method: Callable[P, ResumableStream[T]]
    ) -> None:
        self._caller = caller
        self._procedure = procedure
        self._method = method
        update_wrapper(self, method)

    def __repr__(self) -> str:
        return f"<resumable {self._procedure.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> ResumableStream[T]:
        return self._method(*args, **kwargs)

    def resume(self, id: str, position: str | None = None) -> ResumableStream[T]:  # noqa: A002  # it is `stream.id`
        """Go on with a stream that was begun before, by this process or another one of the same identity.

        From the first item on that is still kept, or behind `position`. Reading it raises `StreamUnknown` when there is none that this
        caller may resume, or it was left for too long, and `StreamLost` when what comes next is not kept any more. Raises `TypeError`
        for a client of `transport="http"`.
        """
        return self._caller.resume(self._procedure, id, position)


class ResumableMember(Generic[P, T]):
    """The same in the class."""

    def __init__(
        self, procedure: StreamCall[T], method: Callable[Concatenate[Any, P], ResumableStream[T]]
    ) -> None:
        self._procedure = procedure
        self._method = method

    @overload
    def __get__(self, instance: None, owner: object) -> Callable[Concatenate[Any, P], ResumableStream[T]]: ...

    @overload
    def __get__(self, instance: BaseClient | Namespace, owner: object) -> ResumableMethod[P, T]: ...

    def __get__(self, instance: BaseClient | Namespace | None, owner: object) -> Any:
        if instance is None:
            return self._method
        caller = instance._fuse  # noqa: SLF001  # what the method itself goes by
        return ResumableMethod(caller, self._procedure, MethodType(self._method, instance))


class resumable(Generic[T]):  # noqa: N801  # a decorator
    """Gives a generated method its `resume`."""

    def __init__(self, procedure: StreamCall[T]) -> None:
        self._procedure = procedure

    def __call__(self, method: Callable[Concatenate[Any, P], ResumableStream[T]]) -> ResumableMember[P, T]:
        return ResumableMember(self._procedure, method)
