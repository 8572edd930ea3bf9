"""The server's side of one connection as a machine: frames in, events out, no clock, no socket, no task.

Everything that a message may do in a state is in `_TRANSITIONS`; a pair that is not there is a protocol error (PROTOCOL §5).
The shell feeds frames, acts on the events, and asks for the bytes of what it wants to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import Fault, Received, Sizes, read_frame, write


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


Incoming = m.Hello | Received | Reply | Close
"""What the shell acts on. `Received` is a call, cancel, credit, refresh or pong."""


class ServerMachine:
    """One connection, seen from the server.

    `frame_bytes`, `held_bytes`: maxima in bytes; `frame_messages`: messages in one frame; `malformed`: how many unreadable
    messages are answered before `flood`.
    """

    def __init__(
        self, sizes: Sizes, *, frame_bytes: int, frame_messages: int, held_bytes: int, malformed: int
    ) -> None:
        self.state = State.OPENING
        self.in_flight: set[int] = set()
        self._sizes = sizes
        self._frame_bytes = frame_bytes
        self._frame_messages = frame_messages
        self._pinged = False
        self._held_bytes = held_bytes
        self._malformed_left = malformed
        self._held: list[Received] = []
        self._held_size = 0

    def __repr__(self) -> str:
        return f"<ServerMachine {self.state.name} in_flight={len(self.in_flight)} held={len(self._held)}>"

    def receive(self, frame: bytes | str) -> list[Incoming]:
        """Take one WebSocket message. After a `Close` in the answer the machine is closed and takes nothing more."""
        if self.state is State.CLOSED:
            return []
        if isinstance(frame, str):
            return [self._close(CloseCode.PROTOCOL_ERROR)]
        if len(frame) > (self._frame_bytes if self.state is State.READY else self._held_bytes):
            return [self._close(CloseCode.FRAME_TOO_LARGE)]
        return list(self._events(frame))

    def _events(self, frame: bytes) -> Iterator[Incoming]:
        self._pinged = False
        for count, found in enumerate(read_frame(frame, self._sizes)):
            if count >= self._frame_messages:
                yield self._close(CloseCode.FLOOD)
                return
            event = self._fault(found) if isinstance(found, Fault) else self._message(found)
            if event is not None:
                yield event
            if isinstance(event, Close):
                return

    def welcome(self, message: m.Welcome) -> tuple[bytes, list[Incoming]]:
        """Identity is known: the bytes of welcome, and what was held until now."""
        self.state = State.READY
        held, self._held, self._held_size = self._held, [], 0
        return write(message), [event for event in map(self._message, held) if event is not None]

    def settle(self, message: m.Result | m.End | m.Error) -> bytes:
        """The last message of a call. Its id is free from here on, before the bytes are sent."""
        if message.id is not None:
            self.in_flight.discard(message.id)
        return write(message)

    def close(self) -> None:
        """The socket is gone, or the shell closes it."""
        self.state = State.CLOSED
        self._held.clear()

    def _close(self, code: CloseCode) -> Close:
        self.close()
        return Close(code)

    def _fault(self, fault: Fault) -> Incoming:
        self._malformed_left -= 1
        if self._malformed_left <= 0:
            return self._close(CloseCode.FLOOD)
        if fault.id in self.in_flight:
            # An answer with this id would settle the other call.
            return self._close(CloseCode.PROTOCOL_ERROR)
        status = 413 if fault.code == "TOO_LARGE" else 400
        return Reply(write(m.Error(fault.id, status, fault.code, fault.detail)))

    def _message(self, received: Received) -> Incoming | None:
        act = self._TRANSITIONS.get((self.state, type(received.message)))
        if act is None:
            return self._close(CloseCode.PROTOCOL_ERROR)
        return act(self, received)

    def _hello(self, received: Received) -> Incoming:
        self.state = State.IDENTIFYING
        assert isinstance(received.message, m.Hello)
        return received.message

    def _hold(self, received: Received) -> Incoming | None:
        self._held_size += received.size
        if self._held_size > self._held_bytes:
            return self._close(CloseCode.FLOOD)
        self._held.append(received)
        return None

    def _open(self, received: Received) -> Incoming:
        assert isinstance(received.message, m.Call | m.Refresh)
        if received.message.id in self.in_flight:
            return self._close(CloseCode.PROTOCOL_ERROR)
        self.in_flight.add(received.message.id)
        return received

    def _about(self, received: Received) -> Incoming | None:
        assert isinstance(received.message, m.Cancel | m.Credit)
        # Settled meanwhile: the two messages crossed.
        return received if received.message.id in self.in_flight else None

    def _pong(self, _received: Received) -> Incoming | None:
        # One answer says as much as a million.
        if self._pinged:
            return None
        self._pinged = True
        return Reply(write(m.Pong()))

    def _pass(self, received: Received) -> Incoming:
        return received

    _TRANSITIONS: ClassVar[dict[tuple[State, type], Callable[[ServerMachine, Received], Incoming | None]]] = {
        (State.OPENING, m.Hello): _hello,
        (State.IDENTIFYING, m.Call): _hold,
        (State.IDENTIFYING, m.Refresh): _hold,
        (State.IDENTIFYING, m.Cancel): _hold,
        (State.IDENTIFYING, m.Credit): _hold,
        (State.IDENTIFYING, m.Ping): _pong,
        (State.IDENTIFYING, m.Pong): _pass,
        (State.READY, m.Call): _open,
        (State.READY, m.Refresh): _open,
        (State.READY, m.Cancel): _about,
        (State.READY, m.Credit): _about,
        (State.READY, m.Ping): _pong,
        (State.READY, m.Pong): _pass,
    }
