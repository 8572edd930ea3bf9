"""The machine through random and hostile sequences, beside a model that follows PROTOCOL §1, §2, §3 and §5."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import Sizes, pack, write
from fusewire.wire.frame import read_frame
from fusewire.wire.machine import Close, Incoming, Reply, ServerMachine, State, Uploaded
from fusewire.wire.shapes import Fault
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

SIZES = Sizes(message_bytes=150, depth=4, elements=30)
FRAME_BYTES, FRAME_MESSAGES, HELD_BYTES = 400, 6, 200

DEEP: Any = []
for _ in range(6):
    DEEP = [DEEP]


@dataclass(frozen=True)
class Part:
    """One message of a frame: its bytes, what it is called here, and the id that it is about."""

    data: bytes
    kind: str
    id: int | None = None


IDS = st.integers(1, 4)
NEVER_OPEN = 99


def _about(call_id: int) -> st.SearchStrategy[m.Message]:
    return st.sampled_from(
        [m.Cancel(call_id), m.Credit(call_id, 1, 1), m.Item(call_id, pack(5)), m.End(call_id)]
    )


ABOUT = IDS.flatmap(lambda i: _about(i).map(lambda message: Part(write(message), "about", i)))
UNFIT: list[tuple[str, list[Any]]] = [
    ("MALFORMED", [5]),
    ("MALFORMED", ["add", {}]),
    ("TOO_LARGE", ["add", [DEEP]]),
    ("TOO_LARGE", ["add", [0] * 31]),
    ("TOO_LARGE", ["add", ["x" * 150]]),
]
NO_MESSAGES = [b"\x07", b"\x90", b"\x80", pack([99, 1]), pack([3, 0, "add"])]
CONTAINED = st.sampled_from(
    [Part(data, "MALFORMED") for data in NO_MESSAGES]
    + [Part(pack([3, NEVER_OPEN, *rest]), code, NEVER_OPEN) for code, rest in UNFIT]
)
HARMLESS = st.lists(
    st.sampled_from([Part(write(m.Ping()), "ping"), Part(write(m.Pong()), "pong")])
    | st.sampled_from(["call", "call", "long call", "refresh"])
    | ABOUT
    | CONTAINED,
    min_size=1,
    max_size=FRAME_MESSAGES,
)
NOT_THE_CLIENTS: list[m.Message] = [
    m.Welcome("s", True, {}),
    m.Result(1, pack(1)),
    m.Event("e", pack(1)),
    m.GoAway(1),
]
FATAL = (
    st.sampled_from([Part(write(message), "not the client's") for message in NOT_THE_CLIENTS])
    | st.just(Part(write(m.Hello()), "hello"))
    | IDS.map(lambda i: Part(write(m.Call(i, "add")), "opens", i))
    | IDS.map(lambda i: Part(pack([3, i]), "MALFORMED", i))
    | CONTAINED
)


class Machine(RuleBasedStateMachine):
    """`open` and `state` are the model's; the machine's must be the same after every step. What could end the connection is tried on
    a branch, so that a story goes on long enough to matter."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = ServerMachine(
            SIZES,
            frame_bytes=FRAME_BYTES,
            frame_messages=FRAME_MESSAGES,
            held_bytes=HELD_BYTES,
            malformed=10**9,
        )
        self.state = State.OPENING
        self.open: set[int] = set()
        self.held: list[Part] = []
        self.received = 0

    # What a peer may do

    @initialize()
    def hello(self) -> None:
        with self._branch():
            self._receive([Part(write(m.Call(1, "add")), "opens", 1)])
        self._receive([Part(write(m.Hello()), "hello")])

    @rule(wanted=HARMLESS)
    def frame(self, wanted: list[Part | str]) -> None:
        """Messages that are whole, in any order: every single answer is known beforehand."""
        parts = self._written(wanted)
        if sum(len(part.data) for part in parts) > self._room():
            with self._branch():
                self._receive(parts)
            return
        self._receive(parts)

    @rule(wanted=HARMLESS, fatal=st.lists(FATAL, max_size=2), at=st.integers(0, FRAME_MESSAGES))
    def fatal_frame(self, wanted: list[Part | str], fatal: list[Part], at: int) -> None:
        """The same with messages among them that may end the connection."""
        parts = self._written(wanted)
        with self._branch():
            self._receive(parts[:at] + fatal + parts[at:])

    @rule(data=st.binary(max_size=80), wanted=HARMLESS, at=st.integers(0, 200), cut=st.integers(0, 3))
    def noise(self, data: bytes, wanted: list[Part | str], at: int, cut: int) -> None:
        """Anything at all: no exception, no id that is in use opened again, nothing after a close."""
        whole = b"".join(part.data for part in self._written(wanted))
        with self._branch():
            self._follow(list(self.machine.receive(whole[:at] + data + whole[at + cut :])))
            self._follow(list(self.machine.receive(data)))

    @rule(end=st.sampled_from(["text", "close"]))
    def ends(self, end: str) -> None:
        with self._branch():
            if end == "text":
                assert self.machine.receive("text") == [Close(CloseCode.PROTOCOL_ERROR)]
            self.machine.close()
            self._end()

    # What the shell may do

    @precondition(lambda self: self.state is State.IDENTIFYING)
    @rule()
    def welcome(self) -> None:
        self.state = State.READY
        held, self.held = self.held, []
        data, events = self.machine.welcome(m.Welcome("s", True, {}))
        assert [type(found) for found, _ in read_frame(data, Sizes())] == [m.Welcome]
        assert sum(len(part.data) for part in held) <= HELD_BYTES
        self._compare(events, self._expected(held, most=len(held)))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), failed=st.booleans())
    def settle(self, data: st.DataObject, failed: bool) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.open)))
        self.open.discard(call_id)
        self.machine.settle(m.Error(call_id, 500, "X", pack("x")) if failed else m.End(call_id))
        self._agree()

    # The model

    def _room(self) -> int:
        return FRAME_BYTES if self.state is State.READY else HELD_BYTES - self.received

    def _written(self, wanted: list[Part | str]) -> list[Part]:
        """The parts, where those that open get ids that are free, the lowest first: so ids come again."""
        taken = self.open | {part.id for part in self.held}
        free = (call_id for call_id in count(1) if call_id not in taken)
        return [part if isinstance(part, Part) else _opening(part, next(free)) for part in wanted]

    def _receive(self, parts: list[Part]) -> None:
        data = b"".join(part.data for part in parts)
        events = list(self.machine.receive(data))
        if self.state is not State.READY:
            self.received += len(data)
            if len(data) <= HELD_BYTES and self.received > HELD_BYTES and events == [Close(CloseCode.FLOOD)]:
                # The page bounds what is held; that a server counts what it need not hold is its own affair.
                self._end()
                return
        too_large = len(data) > (FRAME_BYTES if self.state is State.READY else HELD_BYTES)
        self._compare(events, [("close", CloseCode.FRAME_TOO_LARGE)] if too_large else self._expected(parts))

    def _compare(self, events: list[Incoming], expected: list[tuple[Any, ...]]) -> None:
        if expected and expected[-1][0] == "close":
            self._end()
        assert [_said(event) for event in events] == expected
        self._agree()

    def _expected(self, parts: list[Part], most: int = FRAME_MESSAGES) -> list[tuple[Any, ...]]:
        """What each message gets, up to the first that ends the connection."""
        said: list[tuple[Any, ...]] = []
        for number, part in enumerate(parts, 1):
            answer = ("close", CloseCode.FLOOD) if number > most else self._answer(part)
            if answer is None or (answer == ("pong",) and answer in said):
                continue
            said.append(answer)
            if answer[0] == "close":
                break
        return said

    def _answer(self, part: Part) -> tuple[Any, ...] | None:
        protocol_error = ("close", CloseCode.PROTOCOL_ERROR)
        if part.kind in ("MALFORMED", "TOO_LARGE"):
            # An answer with an id in use would settle the call that has it.
            return protocol_error if part.id in self.open else ("error", part.id, part.kind)
        if part.kind == "hello" and self.state is State.OPENING:
            self.state = State.IDENTIFYING
            return ("hello",)
        if self.state is State.OPENING or part.kind in ("hello", "not the client's"):
            return protocol_error
        if part.kind in ("ping", "pong"):
            return ("pong",) if part.kind == "ping" else ("taken", None)
        if self.state is State.IDENTIFYING:
            self.held.append(part)
            return None
        if part.kind == "about":
            return ("taken", part.id) if part.id in self.open else None
        assert part.id is not None
        if part.id in self.open:
            return protocol_error
        self.open.add(part.id)
        return ("taken", part.id)

    def _follow(self, events: list[Incoming]) -> None:
        assert self.state is not State.CLOSED or events == []
        for place, event in enumerate(events, 1):
            if isinstance(event, m.Call | m.Refresh):
                assert event.id not in self.open
                self.open.add(event.id)
            elif isinstance(event, Close):
                assert place == len(events)
                self._end()

    def _end(self) -> None:
        self.state = State.CLOSED
        self.held.clear()

    def _agree(self) -> None:
        assert self.machine.state is self.state
        # A closed connection settles what it can; until then an id is in use from its acceptance to its settlement.
        assert self.state is State.CLOSED or self.machine.in_flight == self.open

    @contextmanager
    def _branch(self) -> Iterator[None]:
        """What happens in the block happens to copies. Where it closed, nothing comes out any more."""
        before = self.machine, self.state, self.open, self.held, self.received
        self.machine, self.open, self.held = copy.deepcopy(self.machine), set(self.open), list(self.held)
        yield
        if self.state is State.CLOSED:
            assert self.machine.state is State.CLOSED
            assert self.machine.receive(write(m.Ping()) + write(m.Call(50, "add"))) == []
            assert self.machine.receive("text") == []
        self.machine, self.state, self.open, self.held, self.received = before


def _opening(kind: str, call_id: int) -> Part:
    if kind == "refresh":
        return Part(write(m.Refresh(call_id)), "opens", call_id)
    return Part(write(m.Call(call_id, "add", ["x" * 40] if kind == "long call" else [])), "opens", call_id)


def _said(event: Incoming) -> tuple[Any, ...]:
    """An event in the model's words."""
    match event:
        case Close(code):
            return ("close", code)
        case m.Hello():
            return ("hello",)
        case m.Pong():
            return ("taken", None)
        case Uploaded(id=call_id):
            return ("taken", call_id)
        case Reply(data):
            ((answer, _size),) = read_frame(data, Sizes())
            assert not isinstance(answer, Fault)
            return ("error", answer.id, answer.code) if isinstance(answer, m.Error) else ("pong",)
    return ("taken", event.id)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    derandomize=True, deadline=None, database=None, max_examples=120, stateful_step_count=20
)
