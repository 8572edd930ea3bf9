"""The server's side of one connection as a machine: frames in, events out, no clock, no socket, no task.

Everything that a message may do in a state is in `_TRANSITIONS`; a pair that is not there is a protocol error (PROTOCOL §5).
The shell feeds frames, acts on the events, and asks for the bytes of what it wants to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import CAREFUL_BYTES, Sizes, write
from fusewire.wire.frame import is_single, item_head_bytes, read_frame
from fusewire.wire.shapes import Fault


class State(Enum):
    OPENING = auto()
    """Accepted; no hello yet."""
    IDENTIFYING = auto()
    """Hello received; frames are held until the shell says welcome."""
    READY = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes that answer the peer at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The connection must be closed with this code; nothing that arrives later counts."""

    code: CloseCode


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An item of a call's upload, with the bytes of its value on the wire."""

    id: int
    value: Any
    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """An item of a call's upload that cannot be taken; the call ends. `code` is `MALFORMED` or `TOO_LARGE`."""

    id: int
    code: str
    detail: str


Incoming = (
    m.Hello
    | m.Call
    | m.Resume
    | Uploaded
    | Refused
    | m.End
    | m.Cancel
    | m.Credit
    | m.Refresh
    | m.Pong
    | Reply
    | Close
)
"""What the shell acts on."""

Found = m.Message | Fault


class ServerMachine:
    """One connection, seen from the server.

    `frame_bytes`: of one frame; one that is larger holds a single call, as large as its procedure allows (`sizes.calls`).
    `held_bytes`: of the frames before welcome. `frame_messages`: messages in one frame. `malformed`: how many unreadable messages are
    answered before `flood`.
    """

    __slots__ = (
        "_acts",
        "_frame_bytes",
        "_frame_messages",
        "_held",
        "_held_bytes",
        "_held_size",
        "_malformed_left",
        "_pinged",
        "_sizes",
        "in_flight",
        "state",
    )

    def __init__(
        self, sizes: Sizes, *, frame_bytes: int, frame_messages: int, held_bytes: int, malformed: int
    ) -> None:
        self.in_flight: set[int] = set()
        self._sizes = sizes
        self._frame_bytes = frame_bytes
        self._frame_messages = frame_messages
        self._pinged = False
        self._held_bytes = held_bytes
        self._malformed_left = malformed
        self._held: list[tuple[m.Message, int]] = []
        self._held_size = 0
        self._enter(State.OPENING)

    def __repr__(self) -> str:
        return f"<ServerMachine {self.state.name} in_flight={len(self.in_flight)} held={len(self._held)}>"

    def _enter(self, state: State) -> None:
        self.state = state
        self._acts = self._TRANSITIONS[state]

    def receive(self, frame: bytes | str) -> Iterable[Incoming]:
        """Take one WebSocket message. After a `Close` in the answer the machine is closed and takes nothing more.

        The answer to a large frame is lazy: what it holds is built one message at a time, while it is iterated.
        """
        if type(frame) is bytes and self.state is State.READY:
            if len(frame) <= self._frame_bytes or (len(frame) <= self.most_frame_bytes and is_single(frame)):
                return self._events(frame)
            return [self._close(CloseCode.FRAME_TOO_LARGE)]
        if self.state is State.CLOSED:
            return []
        if isinstance(frame, str):
            return [self._close(CloseCode.PROTOCOL_ERROR)]
        self._held_size += len(frame)
        if self._held_size > self._held_bytes:
            too_large = len(frame) > self._held_bytes
            return [self._close(CloseCode.FRAME_TOO_LARGE if too_large else CloseCode.FLOOD)]
        return self._events(frame)

    @property
    def most_frame_bytes(self) -> int:
        """Of any frame: the largest call that a procedure allows, when that is more than an ordinary frame."""
        return max(self._frame_bytes, *self._sizes.calls.values(), 0)

    def _events(self, frame: bytes) -> Iterable[Incoming]:
        self._pinged = False
        events = self._each(frame)
        return list(events) if len(frame) <= CAREFUL_BYTES else events

    def _each(self, frame: bytes) -> Iterator[Incoming]:
        left = self._frame_messages
        for found, size in read_frame(frame, self._sizes):
            if left == 0:
                yield self._close(CloseCode.FLOOD)
                return
            left -= 1
            event = self._acts.get(type(found), ServerMachine._misplaced)(self, found, size)
            if event is not None:
                yield event
                if type(event) is Close:
                    return

    def welcome(self, welcome: m.Welcome) -> tuple[bytes, list[Incoming]]:
        """Identity is known: the bytes of welcome, and what was held until now."""
        self._enter(State.READY)
        held, self._held = self._held, []
        events: list[Incoming] = []
        for message, size in held:
            # An id that was held twice closes the connection, and what came after it does not count.
            event = self._acts.get(type(message), ServerMachine._misplaced)(self, message, size)
            if event is not None:
                events.append(event)
        return write(welcome), events

    def settle(self, message: m.Result | m.End | m.Error) -> bytes:
        """The last message of a call. Its id is free from here on, before the bytes are sent."""
        if message.id is not None:
            self.in_flight.discard(message.id)
        return write(message)

    def close(self) -> None:
        """The socket is gone, or the shell closes it."""
        self._enter(State.CLOSED)
        self._held.clear()

    def _close(self, code: CloseCode) -> Close:
        self.close()
        return Close(code)

    def _misplaced(self, _message: Found, _size: int) -> Incoming | None:
        return None if self.state is State.CLOSED else self._close(CloseCode.PROTOCOL_ERROR)

    def _fault(self, fault: Fault, _size: int) -> Incoming:
        if fault.id is None:
            # One that can be answered is as good as a call; the others tell the peer nothing it could act on.
            self._malformed_left -= 1
            if self._malformed_left <= 0:
                return self._close(CloseCode.FLOOD)
        if fault.id in self.in_flight:
            if fault.kind == m.Kind.ITEM:
                return Refused(fault.id, fault.code, fault.detail)
            # An answer with this id would settle the other call.
            return self._close(CloseCode.PROTOCOL_ERROR)
        status = 413 if fault.code == "TOO_LARGE" else 400
        return Reply(write(m.Error(fault.id, status, fault.code, fault.detail)))

    def _hello(self, hello: m.Hello, _size: int) -> Incoming:
        self._enter(State.IDENTIFYING)
        return hello

    def _hold(self, message: m.Message, size: int) -> None:
        self._held.append((message, size))

    def _open(self, message: m.Call | m.Resume | m.Refresh, _size: int) -> Incoming:
        if message.id in self.in_flight:
            return self._close(CloseCode.PROTOCOL_ERROR)
        self.in_flight.add(message.id)
        return message

    def _about(self, message: m.Cancel | m.Credit | m.End, _size: int) -> Incoming | None:
        # Settled meanwhile: the two messages crossed.
        return message if message.id in self.in_flight else None

    def _item(self, item: m.Item, size: int) -> Incoming | None:
        if item.id not in self.in_flight:
            return None
        return Uploaded(item.id, item.value, size - item_head_bytes(item.id))

    def _pong(self, _ping: m.Ping, _size: int) -> Incoming | None:
        # One answer says as much as a million.
        if self._pinged:
            return None
        self._pinged = True
        return Reply(write(m.Pong()))

    def _pass(self, message: m.Pong, _size: int) -> Incoming:
        return message

    _TRANSITIONS: ClassVar[dict[State, dict[type, Callable[[ServerMachine, Any, int], Incoming | None]]]] = {
        State.OPENING: {Fault: _fault, m.Hello: _hello},
        State.IDENTIFYING: {
            Fault: _fault,
            m.Call: _hold,
            m.Resume: _hold,
            m.Item: _hold,
            m.End: _hold,
            m.Refresh: _hold,
            m.Cancel: _hold,
            m.Credit: _hold,
            m.Ping: _pong,
            m.Pong: _pass,
        },
        State.READY: {
            Fault: _fault,
            m.Call: _open,
            m.Resume: _open,
            m.Item: _item,
            m.End: _about,
            m.Refresh: _open,
            m.Cancel: _about,
            m.Credit: _about,
            m.Ping: _pong,
            m.Pong: _pass,
        },
        State.CLOSED: {},
    }
