"""To whom an event goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from pydantic import BaseModel

from fusewire.errors import NoSession
from fusewire.hub.hub import Hub
from fusewire.hub.stays import Present
from fusewire.hub.topics import check_room_name, room_topic, session_topic, user_topic
from fusewire.procedures.call import Call, current_call

Publish = Callable[[Iterable[str], BaseModel], Awaitable[None]]


class Audience:
    """Some topics to emit to. Nobody listening is not an error."""

    def __init__(self, publish: Publish, topics: tuple[str, ...]) -> None:
        self._publish = publish
        self._topics = topics

    async def emit(self, event: BaseModel) -> None:
        """Push a registered event. Raises `TypeError` for a model that is not an event of this app."""
        await self._publish(self._topics, event)


class Room(Audience):
    """A named audience that sessions join and leave. Who may join is the app's to decide, before it calls `join()`."""

    def __init__(self, hub: Hub, name: str) -> None:
        check_room_name(name)
        super().__init__(hub.publish, (room_topic(name),))
        self._hub = hub
        self._name = name

    async def join(self) -> None:
        """The calling session joins, until it leaves, changes its identity, or has been away for longer than history is kept.

        Raises `TooManyRooms` when it is in `Bounds.rooms` others, `IdentityChanged` when the connection has had other credentials since
        the call began, `NoSession` in a call over HTTP, and `RuntimeError` outside a call.
        """
        await self._hub.rooms.join(*_session("join()"), self._name)

    async def leave(self) -> None:
        """The calling session leaves. When the connection has had other credentials since the call began, it has left already.

        Raises `NoSession` in a call over HTTP, and `RuntimeError` outside a call.
        """
        await self._hub.rooms.leave(*_session("leave()"), self._name)

    async def remove(self, user: str) -> None:
        """All of a user's sessions leave, at every worker, those too that are away and could come back. It may join again.

        Raises `BrokerError`.
        """
        await self._hub.rooms.remove(self._name, user)

    async def presence(self) -> list[Present]:
        """Who is in the room now, at whatever worker, those who came first in front.

        A user with several devices is there once; one whose connection ended is there for another 10 s. Raises `BrokerError`.
        """
        return await self._hub.presence.present(self._name)


async def emit(event: BaseModel) -> None:
    """Push an event to the caller's user, on every device of theirs; to an anonymous caller's own session, while that is nobody else's.

    An anonymous caller over HTTP has no session, so nobody gets it. Raises `RuntimeError` outside a call (use `fuse.to(user)` there) and
    `TypeError` for a model that is not an event of this app.
    """
    call = _running("emit()")
    hub: Hub = call.hub
    if call.identity is not None:
        await hub.publish([user_topic(call.identity.id)], event)
    elif call.session_id is not None:
        await hub.rooms.listen(call.session_id)
        await hub.publish([session_topic(call.session_id)], event)


def _running(what: str) -> Call:
    call = current_call.get()
    if call is None:
        raise RuntimeError(f"{what} outside a call: nobody is calling; use fuse.to(user).emit(...)")
    return call


def _session(what: str) -> tuple[str, str | None]:
    """Of the running call, and whose it was when the call began."""
    call = _running(what)
    if call.session_id is None:
        raise NoSession(message=f"{what} over HTTP: only a session on a WebSocket can be in a room")
    return call.session_id, None if call.identity is None else call.identity.id
