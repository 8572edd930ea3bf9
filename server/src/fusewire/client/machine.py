"""The client's side of one connection as a machine: frames in, events out, no clock, no socket, no task.

Everything that a message may do in a state is in `_TRANSITIONS`; a pair that is not there is the server's mistake and closes the
connection. The shell feeds frames, acts on the events, and asks for the bytes of what it wants to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from fusewire.client.credit import Allowance, Grants
from fusewire.client.errors import ConnectionLost
from fusewire.client.incoming import Arrived, Granted, Incoming, Named, Reported, Send, Settled, Shut
from fusewire.client.limits import Limits
from fusewire.errors import TooLarge, Unavailable
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import Sizes, pack, write
from fusewire.wire.frame import item_head_bytes, read_frame
from fusewire.wire.messages import MAX_ID, Message, Packed
from fusewire.wire.shapes import Fault

GENEROUS = Sizes(message_bytes=2**30, depth=512, elements=2**30)
"""A client asked for what it gets; the server's own bounds hold."""


class State(Enum):
    OPENING = auto()
    """Nothing was said yet."""
    GREETING = auto()
    """Hello was said; no welcome yet."""
    READY = auto()
    DRAINING = auto()
    """The server asked to go elsewhere: calls under way finish, new ones are not sent."""
    CLOSED = auto()


@dataclass(slots=True)
class _Flight:
    """A call that has not been settled. `upload` is None without one, and again after its end."""

    grants: Grants
    upload: Allowance | None


class ClientMachine:
    """One connection, seen from the client."""

    def __init__(self) -> None:
        self.state = State.OPENING
        self.limits = Limits()
        self.same = False
        """Whether the server has the contract that hello named: only then may arguments go by position (PROTOCOL §3)."""
        self._flights: dict[int, _Flight] = {}
        self._last_id = 0
        self._pinged = False

    def __repr__(self) -> str:
        return f"<ClientMachine {self.state.name} in_flight={len(self._flights)}>"

    # What goes out

    def hello(self, hello: m.Hello) -> bytes:
        """The first message."""
        assert self.state is State.OPENING
        self.state = State.GREETING
        return write(hello)

    def call(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        timeout_ms: int | None = None,
        upload: bool = False,
        key: str | None = None,
    ) -> tuple[int, bytes]:
        """Begin a call: its id and its message.

        Raises `Unavailable` while draining, `ConnectionLost` when closed, `TooLarge` for a message over the server's bound, and
        `TypeError` for positional arguments that this server might read in another order.
        """
        self._check_open()
        if args and not self.same:
            raise TypeError(
                f"{name}: this server's contract is not known to be the same; pass arguments by name"
            )
        call_id = self._next_id()
        data = write(m.Call(call_id, name, list(args), dict(kwargs), timeout_ms, key))
        if len(data) > self.limits.max_frame_bytes:
            most = self.limits.max_frame_bytes
            raise TooLarge(message=f"the call takes {len(data)} bytes, the server reads {most}")
        self._flights[call_id] = self._flight(upload=upload)
        return call_id, data

    def resume(self, procedure: str, stream: str, position: str | None) -> tuple[int, bytes]:
        """Go on with a stream of `procedure`: its id, settled as a call's is, and its message. Raises what `call` does for the state."""
        self._check_open()
        call_id = self._next_id()
        data = write(m.Resume(call_id, stream, position, procedure))
        self._flights[call_id] = self._flight(upload=False)
        return call_id, data

    def refresh(self, credentials: dict[str, Any] | None) -> tuple[int, bytes]:
        """Say who is calling from now on: its id, which is settled as a call's is, and its message."""
        self._check_open()
        call_id = self._next_id()
        data = write(m.Refresh(call_id, credentials))
        self._flights[call_id] = self._flight(upload=False)
        return call_id, data

    def cancel(self, call_id: int) -> bytes:
        """Ask for an early end. The answer settles the call; an upload ends here."""
        if flight := self._flights.get(call_id):
            flight.upload = None
            return write(m.Cancel(call_id))
        return b""

    def taken(self, call_id: int, size: int) -> bytes:
        """The reader took an item of so many bytes of credit."""
        flight = self._flights.get(call_id)
        granted = flight.grants.taken(size) if flight else None
        return write(m.Credit(call_id, *granted)) if granted else b""

    def may_upload(self, call_id: int) -> bool:
        """Whether the next item of an upload may be sent."""
        flight = self._flights.get(call_id)
        return flight is not None and bool(flight.upload)

    def upload(self, call_id: int, value: Packed) -> bytes:
        """An item, for which there must be credit; nothing when the call was settled meanwhile."""
        flight = self._flights.get(call_id)
        if flight is None or flight.upload is None:
            return b""
        flight.upload.spend(len(value))
        return write(m.Item(call_id, value))

    def end_upload(self, call_id: int) -> bytes:
        """The source is exhausted."""
        flight = self._flights.get(call_id)
        if flight is None or flight.upload is None:
            return b""
        flight.upload = None
        return write(m.End(call_id))

    def close(self) -> None:
        """The socket is gone, or the shell closes it."""
        self.state = State.CLOSED
        self._flights.clear()

    # What comes in

    def receive(self, frame: bytes) -> Iterator[Incoming]:
        """Take one frame. After a `Shut` the machine is closed and takes nothing more."""
        self._pinged = False
        for found, size in read_frame(frame, GENEROUS):
            if self.state is State.CLOSED:
                return
            yield from self._fault(found) if isinstance(found, Fault) else self._message(found, size)

    def _fault(self, fault: Fault) -> Iterator[Incoming]:
        # Without an id it is a kind from the future, or an event that does not decode: neither ends a connection (PROTOCOL §7).
        if fault.id is not None and fault.id in self._flights:
            # If it was an item the stream goes on; if it was the last word, the cancel does nothing.
            yield Send(self.cancel(fault.id))
            yield from self._settle(m.Error(fault.id, 400, fault.code, fault.detail), 0)

    def _message(self, message: Message, size: int) -> Iterator[Incoming]:
        act = self._TRANSITIONS.get((self.state, type(message)))
        if act is None:
            yield self._shut()
        else:
            yield from act(self, message, size)

    def _welcome(self, message: Any, _size: int) -> Iterator[Incoming]:
        self.state = State.READY
        self.limits = Limits.of(message.limits)
        self.same = message.same
        yield message

    def _arrived(self, message: Any, size: int) -> Iterator[Incoming]:
        if flight := self._flights.get(message.id):
            if flight.grants.arrived():
                position = message.position
                behind = 0 if position is None else len(pack(position))
                taken = size - item_head_bytes(message.id) - behind
                yield Arrived(message.id, message.value, taken, position)
            else:
                yield self._shut()

    def _named(self, message: Any, _size: int) -> Iterator[Incoming]:
        if message.id in self._flights:
            yield Named(message.id, message.stream)

    def _settle(self, message: Any, _size: int) -> Iterator[Incoming]:
        # An id that is not in flight was given up here before the server knew.
        if self._flights.pop(message.id, None):
            yield Settled(message.id, message)

    def _error(self, message: Any, size: int) -> Iterator[Incoming]:
        return self._report(message, size) if message.id is None else self._settle(message, size)

    def _report(self, message: Any, _size: int) -> Iterator[Incoming]:
        yield Reported(message) if message.id is None else self._shut()

    def _granted(self, message: Any, _size: int) -> Iterator[Incoming]:
        flight = self._flights.get(message.id)
        if flight is not None and flight.upload is not None:
            flight.upload.grant(message.items, message.bytes)
            yield Granted(message.id)

    def _drain(self, message: Any, _size: int) -> Iterator[Incoming]:
        self.state = State.DRAINING
        yield message

    def _pong(self, _message: Any, _size: int) -> Iterator[Incoming]:
        # The pings of one frame are answered with one pong (PROTOCOL §2.4).
        if not self._pinged:
            self._pinged = True
            yield Send(write(m.Pong()))

    def _pass(self, message: Any, _size: int) -> Iterator[Incoming]:
        yield message

    def _ignore(self, _message: Any, _size: int) -> Iterator[Incoming]:
        yield from ()

    # Helpers

    def _shut(self) -> Shut:
        self.close()
        return Shut(CloseCode.PROTOCOL_ERROR)

    def _check_open(self) -> None:
        if self.state is State.DRAINING:
            raise Unavailable(message="The server is draining; the call was not sent")
        if self.state is not State.READY:
            raise ConnectionLost("there is no connection", maybe_executed=False)

    def _flight(self, *, upload: bool) -> _Flight:
        window = self.limits.stream_items, self.limits.stream_bytes
        return _Flight(Grants(*window), Allowance(*window) if upload else None)

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % MAX_ID + 1
            if self._last_id not in self._flights:
                return self._last_id

    _OPEN: ClassVar[dict[type, Callable[[ClientMachine, Any, int], Iterator[Incoming]]]] = {
        m.Result: _settle,
        m.Item: _arrived,
        m.End: _settle,
        m.Error: _error,
        m.Credit: _granted,
        m.Event: _pass,
        m.Topic: _pass,
        m.Stream: _named,
        m.Ping: _pong,
        m.Pong: _ignore,
        m.GoAway: _drain,
    }
    _TRANSITIONS: ClassVar[
        dict[tuple[State, type], Callable[[ClientMachine, Any, int], Iterator[Incoming]]]
    ] = {
        (State.GREETING, m.Welcome): _welcome,
        (State.GREETING, m.Error): _report,
        (State.GREETING, m.Ping): _pong,
        (State.GREETING, m.Pong): _ignore,
        # Said again behind welcome (PROTOCOL §2.6).
        (State.GREETING, m.GoAway): _ignore,
        **{(State.READY, kind): act for kind, act in _OPEN.items()},
        **{(State.DRAINING, kind): act for kind, act in _OPEN.items()},
    }
