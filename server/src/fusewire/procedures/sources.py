"""Where the value of a parameter comes from, decided when the function is registered."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Literal

from fusewire.procedures.callables import Flavour
from fusewire.procedures.values import InputType

Where = Literal["path", "query", "body", "form", "header", "cookie", "upload"]

REQUIRED: Any = object()


@dataclass(frozen=True, slots=True)
class Default:
    """What an absent value becomes: a copy, so that no call can change the default of the next."""

    value: Any = REQUIRED
    factory: Callable[[], Any] | None = None

    @property
    def required(self) -> bool:
        return self.factory is None and self.value is REQUIRED

    def make(self) -> Any:
        if self.factory is not None:
            return self.factory()
        return self.value if isinstance(self.value, int | str | float | None) else deepcopy(self.value)


@dataclass(frozen=True, slots=True)
class Field:
    """A value that is read from the peer. `alias` is its name in the place it comes from. Of an `upload`, `type` is an item's."""

    name: str
    alias: str
    where: Where
    type: InputType
    default: Default
    info: Any = None
    """The `fastapi.params` object that describes it to OpenAPI."""
    keyword_only: bool = False
    whole_body: bool = False
    """Over HTTP this one parameter is the body, or the query, itself."""
    sequence: bool = False
    """Repeated keys of a query, a form or a header make a list."""
    file: bool = False
    """Of a form: its value is a file, or several."""

    @property
    def location(self) -> tuple[str, ...]:
        """How FastAPI names the place in `loc`; the same on every transport."""
        where = "body" if self.where == "form" else self.where
        return (where,) if self.whole_body else (where, self.alias)


class Injected(Enum):
    CONNECTION = auto()
    REQUEST = auto()
    RESPONSE = auto()
    BACKGROUND_TASKS = auto()
    IDENTITY = auto()
    OPTIONAL_IDENTITY = auto()
    CALL = auto()
    SECURITY_SCOPES = auto()


@dataclass(frozen=True, slots=True)
class Node:
    """A function with its parameters' sources: a dependency, or at the root the procedure itself."""

    call: Callable[..., Any]
    flavour: Flavour
    sources: tuple[tuple[str, Source], ...]
    positional: int = 0
    """How many of `sources` are filled by position; the rest are keyword-only."""
    cached: bool = True
    scope: Literal["function", "request"] = "request"
    security_scopes: tuple[str, ...] = ()
    key: Hashable = field(default=None)


Source = Field | Injected | Node


def walk(node: Node) -> Iterator[Field]:
    """Every field below a node, the node's own first."""
    nested = []
    for _, source in node.sources:
        if isinstance(source, Field):
            yield source
        elif isinstance(source, Node):
            nested.append(source)
    for below in nested:
        yield from walk(below)


def with_fields(node: Node, change: Callable[[Field], Field]) -> Node:
    """The same with every field below it changed."""

    def changed(source: Source) -> Source:
        if isinstance(source, Node):
            return with_fields(source, change)
        return change(source) if isinstance(source, Field) else source

    return replace(node, sources=tuple((name, changed(source)) for name, source in node.sources))
