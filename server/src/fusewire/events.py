"""The models that the server may push, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from fusewire.errors import RegistrationError
from fusewire.names import name_fault
from fusewire.procedures.values import NaiveDatetimes, OutputType
from fusewire.wire.codec import write
from fusewire.wire.messages import Event, Packed


@dataclass(frozen=True, slots=True)
class EventType:
    """`history=False` is for what is worth nothing later, such as a typing indicator."""

    name: str
    model: type[BaseModel]
    output: OutputType
    history: bool


class EventRegistry:
    """The events of one app. A name is the model's class name. `naive`: what becomes of datetimes without a time zone."""

    def __init__(self, *, naive: NaiveDatetimes = "error") -> None:
        self._naive: NaiveDatetimes = naive
        self._by_model: dict[type[BaseModel], EventType] = {}
        self._by_name: dict[str, EventType] = {}

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_name.values())

    def add(self, model: Any, *, history: bool) -> None:
        """Raises `RegistrationError` for what is no model, and for two models of one name."""
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
        event = EventType(name, model, OutputType(model, naive=self._naive), history)
        self._by_model[model] = self._by_name[name] = event

    def encode(self, event: BaseModel) -> bytes:
        """The message of an event. Raises `TypeError` for a model that was not registered, naming it."""
        found = self._by_model.get(type(event))
        if found is None:
            raise TypeError(
                f"{type(event).__name__} is not an event of this app: decorate the model with `@rpc.event`"
            )
        return write(Event(found.name, Packed(found.output.packed(event))))


def _place(model: type) -> str:
    return f"{model.__module__}.{model.__qualname__}"
