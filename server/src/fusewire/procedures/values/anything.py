"""Values whose type is not declared (`Any`, extra fields): each by what it is at run time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from fusewire.procedures.values.leaves import Convert, text_key

_SCALARS = frozenset((str, int, float, bool, type(None)))
_SEQUENCES = (list, tuple, set, frozenset, deque, Iterator)


class Anything:
    """Serialises what it finds. `model` makes the serialisation of a class that pydantic knows, `leaf` what becomes of bytes and datetimes.

    What it does not know either is left to the one who writes it.
    """

    def __init__(self, model: Callable[[type], Convert], leaf: Convert) -> None:
        self._model = model
        self._leaf = leaf
        self._models: WeakKeyDictionary[type, Convert] = WeakKeyDictionary()

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if isinstance(value, datetime | bytes | bytearray | memoryview):
            return self._leaf(value)
        if isinstance(value, Enum):
            return self(value.value)
        if isinstance(value, Mapping):
            return {text_key(key): self(item) for key, item in value.items()}
        if isinstance(value, _SEQUENCES):
            return [self(item) for item in value]
        if hasattr(kind, "__pydantic_core_schema__"):
            return self._of(kind)(value)
        if is_dataclass(value):
            return {field.name: self(getattr(value, field.name)) for field in fields(value)}
        return value

    def _of(self, kind: type) -> Convert:
        convert = self._models.get(kind)
        if convert is None:
            convert = self._models[kind] = self._model(kind)
        return convert
