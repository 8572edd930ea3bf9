"""Reading types: through aliases, `Annotated`, `NewType` and `Optional`, however they are nested."""

from __future__ import annotations

import collections.abc as abc
import inspect
import types
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin

import typing_extensions
from pydantic import BaseModel
from typing_extensions import is_typeddict

_ALIASES = tuple(
    {
        getattr(module, "TypeAliasType", typing_extensions.TypeAliasType)
        for module in (typing, typing_extensions)
    }
)
_UNIONS = (Union, types.UnionType)
_SEQUENCES = (list, set, frozenset, tuple, abc.Sequence, abc.Set, abc.Collection, abc.Iterable)


def unalias(annotation: Any) -> Any:
    """The type behind `type X = ...` and `NewType`."""
    while True:
        if isinstance(annotation, _ALIASES):
            annotation = annotation.__value__
        elif isinstance(origin := get_origin(annotation), _ALIASES) and not isinstance(origin.__value__, str):
            annotation = origin.__value__[get_args(annotation)]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        else:
            return annotation


def unwrap(annotation: Any) -> tuple[Any, list[Any]]:
    """The plain type, and everything that `Annotated` said about it on the way, outermost last."""
    metadata: list[Any] = []
    while True:
        annotation = unalias(annotation)
        if get_origin(annotation) is not Annotated:
            return annotation, metadata
        annotation, *said = get_args(annotation)
        metadata = [*said, *metadata]


def arms(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the type alone; each one plain."""
    plain, _ = unwrap(annotation)
    if get_origin(plain) in _UNIONS:
        return tuple(arm for member in get_args(plain) for arm in arms(member))
    return (plain,)


def without_none(annotation: Any) -> Any:
    """The one type beside None, or the union itself when there are several."""
    rest = [arm for arm in arms(annotation) if arm is not type(None)]
    return rest[0] if len(rest) == 1 else unwrap(annotation)[0]


def inside(annotation: Any, seen: frozenset[Any] = frozenset()) -> Iterator[Any]:
    """Every type and every `Annotated` remark anywhere in a type; the fields of models are not looked into."""
    # A generic alias that is recursive makes a new object, equal to the one before, at each step.
    key = annotation if isinstance(get_origin(annotation), _ALIASES) else id(annotation)
    if key in seen:
        return
    seen |= {key}
    plain, metadata = unwrap(annotation)
    yield from metadata
    yield plain
    for part in get_args(plain):
        yield from inside(part, seen)


_STREAMS = (abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator)


def stream_item(annotation: Any) -> Any | None:
    """The `T` of an `AsyncIterator[T]` (or iterable, or generator); None for any other type."""
    plain, _ = unwrap(annotation)
    return get_args(plain)[0] if get_origin(plain) in _STREAMS else None


def is_sequence(annotation: Any) -> bool:
    bare = without_none(annotation)
    return bare in _SEQUENCES or get_origin(bare) in _SEQUENCES


def is_model(annotation: Any) -> bool:
    """Whether a value of this type is an object with fields of its own, or one of several such."""
    there = [arm for arm in arms(annotation) if arm is not type(None)]
    return bool(there) and all(_has_fields(arm) for arm in there)


def _has_fields(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    return inspect.isclass(kind) and (issubclass(kind, BaseModel) or is_dataclass(kind) or is_typeddict(kind))


def model_fields(annotation: Any) -> dict[str, Any]:
    """The fields of a pydantic model by the name they have on the wire; none for any other type."""
    bare = without_none(annotation)
    if inspect.isclass(bare) and issubclass(bare, BaseModel):
        return {field.alias or name: field.annotation for name, field in bare.model_fields.items()}
    return {}
