"""An entry of the corpus: a Python type, the TypeScript it must become, and values that must survive the way there and back."""

from __future__ import annotations

import base64
from datetime import datetime
from types import ModuleType
from typing import Any, Final

_SAME: Final[Any] = object()


class Big(int):
    """A `bigint` of JavaScript's, in the msgpack form of a sample."""


class Sample:
    """A value, and what it is on the wire. A form that is left out is the one before it.

    `back`: what Python gets from a TypeScript caller who returns what it received, where JavaScript cannot hold all of it.
    `given`: what a caller sends for it, in `msgpack`'s form, where that is not what comes out.
    `json_returns`: False when JSON loses it, so that nobody can send it back.
    """

    def __init__(
        self,
        value: Any,
        json: Any = _SAME,
        msgpack: Any = _SAME,
        *,
        back: Any = _SAME,
        given: Any = _SAME,
        json_returns: bool = True,
    ) -> None:
        self.value = value
        self.json = value if json is _SAME else json
        self.msgpack = self.json if msgpack is _SAME else msgpack
        self.back = value if back is _SAME else back
        self.json_given = self.json if given is _SAME else _as_json(given)
        self.msgpack_given = self.msgpack if given is _SAME else given
        self.json_returns = json_returns

    def __repr__(self) -> str:
        return f"Sample({self.value!r})"


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


class Entry:
    """`name = Entry(annotation, "its TypeScript", *samples)`, in a module of a theme.

    A sample that is no `Sample` is the same in Python and on the wire. `made` is the TypeScript of what comes out, where it is not the
    type of what goes in. `shows` is text that the generated file has to hold. `why` goes into docs/types.md.
    """

    def __init__(
        self,
        annotation: Any,
        typescript: str,
        *samples: Any,
        made: str | None = None,
        shows: tuple[str, ...] = (),
        why: str = "",
        written: str = "",
    ) -> None:
        self.name = ""
        """Set when the corpus is put together: the name in the module."""
        self.annotation = annotation
        self.given = typescript
        self.made = made or typescript
        self.samples = tuple(each if isinstance(each, Sample) else Sample(each) for each in samples)
        self.shows = shows
        self.why = why
        self.written = written
        """The annotation for readers, where its `repr` is none."""

    def __repr__(self) -> str:
        return f"<Entry {self.name}>"


class Refused:
    """A type that is refused at registration. `says`: part of the error."""

    def __init__(self, annotation: Any, says: str, *, instead: str, written: str = "") -> None:
        self.name = ""
        self.annotation = annotation
        self.says = says
        self.instead = instead
        self.written = written

    def __repr__(self) -> str:
        return f"<Refused {self.name}>"


def entries_of(theme: ModuleType) -> list[Entry]:
    """In the order in which they are declared."""
    return [value for value in _named(theme) if isinstance(value, Entry)]


def refused_of(theme: ModuleType) -> list[Refused]:
    return [value for value in _named(theme) if isinstance(value, Refused)]


def _named(theme: ModuleType) -> list[Entry | Refused]:
    found = []
    for name, value in vars(theme).items():
        if isinstance(value, Entry | Refused):
            value.name = name
            found.append(value)
    return found
