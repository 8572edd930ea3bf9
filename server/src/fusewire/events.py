"""The models that the server may push, by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, get_args

import msgpack
from pydantic import BaseModel, ValidationError

from fusewire.errors import RegistrationError
from fusewire.names import name_fault
from fusewire.procedures.values import InputType, NaiveDatetimes, OutputType
from fusewire.wire.codec import Sizes, unpack
from fusewire.wire.messages import Packed

_STORED = Sizes(message_bytes=2**31, depth=1000, elements=2**31)
"""What is stored was written by a worker of this app, so that nothing about it is a surprise."""


Slow = Literal["drop_oldest", "coalesce"]
"""What becomes of ephemeral events that a connection has no room for: the oldest go, or of those with one key all but the newest."""


class EventType:
    """A model that may be pushed. `history=False` is for what is worth nothing later, such as a typing indicator.

    `key`: the field that tells which events replace each other, for `slow="coalesce"`.
    """

    def __init__(
        self, model: type[BaseModel], *, history: bool, key: str | None, naive: NaiveDatetimes
    ) -> None:
        self.name = model.__name__
        self.key = key
        self.model = model
        self.history = history
        self.output = OutputType(model, naive=naive)
        self._naive: NaiveDatetimes = naive

    @cached_property
    def fingerprint(self) -> bytes:
        """Of the shape that it has in this version of the app."""
        schema = self.output.adapter.json_schema(mode="serialization")
        return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).digest()[:8]

    def today(self, value: bytes) -> Packed | None:
        """A value that another version of the app has encoded, as this one does it; None when it does not fit any more."""
        try:
            event = self._input.check(unpack(value, _STORED))
        except (ValidationError, ValueError):
            return None
        return self.output.packed(event)

    @cached_property
    def _input(self) -> InputType:
        return InputType(self.model, naive=self._naive)


class EventRegistry:
    """The events of one app. A name is the model's class name. `naive`: what becomes of datetimes without a time zone."""

    def __init__(self, *, naive: NaiveDatetimes = "error") -> None:
        self._naive: NaiveDatetimes = naive
        self._by_model: dict[type[BaseModel], EventType] = {}
        self._by_name: dict[str, EventType] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_name.values())

    def __contains__(self, model: type[BaseModel]) -> bool:
        return model in self._by_model

    def add(self, model: Any, *, history: bool, slow: Slow = "drop_oldest", key: str | None = None) -> None:
        """Raises `RegistrationError` for what is no model, for two models of one name, and for a `slow` or `key` that cannot work."""
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise RegistrationError(f"an event is a pydantic model, not {model!r}")
        name = model.__name__
        if fault := name_fault(name):
            raise RegistrationError(f"event {_place(model)}: {fault}")
        other = self._by_name.get(name)
        if other is not None and other.model is not model:
            raise RegistrationError(
                f"two events would both be {name!r}: {_place(other.model)} and {_place(model)}"
            )
        if fault := _slow_fault(model, history, slow, key):
            raise RegistrationError(f"event {_place(model)}: {fault}")
        event = EventType(model, history=history, key=key, naive=self._naive)
        self._by_model[model] = self._by_name[name] = event

    def of(self, event: BaseModel) -> EventType:
        """Raises `TypeError` for a model that was not registered, naming it."""
        found = self._by_model.get(type(event))
        if found is None:
            raise TypeError(
                f"{type(event).__name__} is not an event of this app: decorate the model with `@rpc.event`"
            )
        return found

    def store(self, event: BaseModel) -> bytes:
        """An event as the broker has it: `read` is the way back. Raises what `of` does."""
        kind = self.of(event)
        parts = [kind.name, kind.fingerprint, bytes(kind.output.packed(event))]
        if kind.key is not None:
            parts.append(repr(getattr(event, kind.key)))
        stored: bytes = msgpack.packb(parts)
        return stored

    def read(self, stored: bytes) -> tuple[EventType, Packed, str | None] | None:
        """Of what another worker has stored, perhaps one of another version: None when this version has no such event any more.

        The text is the key by which it replaces others.
        """
        name, fingerprint, value, *key = msgpack.unpackb(stored)
        kind = self._by_name.get(name)
        if kind is None:
            return None
        packed = Packed(value) if fingerprint == kind.fingerprint else kind.today(value)
        return None if packed is None else (kind, packed, key[0] if key else None)


def _slow_fault(model: type[BaseModel], history: bool, slow: str, key: str | None) -> str | None:
    if slow not in get_args(Slow):
        return f'slow= is "drop_oldest" or "coalesce", not {slow!r}'
    if (slow == "coalesce") != (key is not None):
        return 'slow="coalesce" and key= go together: key= names the field of which the newest value counts'
    if key is not None and history:
        return 'slow="coalesce" is for events with history=False: one that is kept arrives always'
    if key is not None and key not in model.model_fields:
        return f"key={key!r} is none of its fields"
    return None


def _place(model: type) -> str:
    return f"{model.__module__}.{model.__qualname__}"
