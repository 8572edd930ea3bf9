"""Where the value of a parameter comes from, decided when the function is registered."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal

from fusewire.procedures.callables import Flavour
from fusewire.procedures.values import InputType

Where = Literal["path", "query", "body", "header", "cookie", "upload"]

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
    """Repeated keys of a query or a header make a list."""

    @property
    def location(self) -> tuple[str, ...]:
        """How FastAPI names the place in `loc`; the same on every transport."""
        return (self.where,) if self.whole_body else (self.where, self.alias)


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

    @property
    def has_dependencies(self) -> bool:
        return any(isinstance(source, Node) for _, source in self.sources)


Source = Field | Injected | Node
