"""Models that nobody thought of: what is generated for them compiles, and their values survive the way there and back."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import reduce
from operator import or_
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi import FastAPI
from fusewire import BigInt, Fuse
from fusewire.testing import connect
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, create_model

from codegen.tests import compiler
from tests.corpus.generated import source_of

MODULES = 25


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Rank(Enum):
    FIRST = 1
    LAST = -1


@dataclass(frozen=True)
class Kind:
    """A type, its values, and what they are in JSON: only what differs there can be told apart in a union."""

    annotation: Any
    values: st.SearchStrategy[Any]
    json: str
    hashable: bool = True


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_SAFE = 2**53 - 1
SCALARS = (
    Kind(bool, st.booleans(), "boolean"),
    Kind(int, st.integers(-_SAFE, _SAFE), "number"),
    Kind(float, st.floats(allow_nan=False), "number"),
    Kind(str, _TEXT, "string"),
    Kind(bytes, st.binary(max_size=5), "string"),
    Kind(datetime, st.datetimes(timezones=st.just(UTC)), "string"),
    Kind(date, st.dates(), "string"),
    Kind(time, st.times(), "string"),
    Kind(timedelta, st.timedeltas(timedelta(days=-9999), timedelta(days=9999)), "string"),
    Kind(UUID, st.uuids(), "string"),
    Kind(Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=3), "string"),
    Kind(BigInt, st.integers(-(2**80), 2**80), "string"),
    Kind(Literal["a", "*/", 1], st.sampled_from(["a", "*/", 1]), "literal"),
    Kind(Mood, st.sampled_from(Mood), "string"),
    Kind(Rank, st.sampled_from(Rank), "number"),
    Kind(Annotated[int, Field(ge=0, le=9)], st.integers(0, 9), "number"),
    Kind(type(None), st.none(), "null"),
    Kind(Any, st.none() | st.booleans() | _TEXT | st.lists(_TEXT, max_size=2), "any", hashable=False),
)
KEYS = tuple(kind for kind in SCALARS if kind.annotation in (str, int, UUID, date, Mood))


def _composed(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    return st.one_of(
        inner.map(_list),
        inner.filter(lambda kind: kind.hashable).map(_set),
        st.lists(inner, min_size=1, max_size=3).map(_tuple),
        st.builds(_dict, st.sampled_from(KEYS), inner),
        st.lists(inner, min_size=2, max_size=3, unique_by=lambda kind: kind.json).map(_union),
    )


def _list(kind: Kind) -> Kind:
    annotation = GenericAlias(list, (kind.annotation,))
    return Kind(annotation, st.lists(kind.values, max_size=2), "array", hashable=False)


def _set(kind: Kind) -> Kind:
    annotation = GenericAlias(set, (kind.annotation,))
    return Kind(annotation, st.sets(kind.values, max_size=2), "array", hashable=False)


def _tuple(kinds: list[Kind]) -> Kind:
    annotation = GenericAlias(tuple, tuple(kind.annotation for kind in kinds))
    values = st.tuples(*(kind.values for kind in kinds))
    return Kind(annotation, values, "array", all(kind.hashable for kind in kinds))


def _dict(key: Kind, value: Kind) -> Kind:
    annotation = GenericAlias(dict, (key.annotation, value.annotation))
    return Kind(annotation, st.dictionaries(key.values, value.values, max_size=2), "object", hashable=False)


def _union(kinds: list[Kind]) -> Kind:
    told_apart = [kind for kind in kinds if kind.json not in ("any", "literal")] or kinds[:1]
    annotation = reduce(or_, (kind.annotation for kind in told_apart))
    values = st.one_of(*(kind.values for kind in told_apart))
    return Kind(annotation, values, "+".join(sorted(kind.json for kind in told_apart)), hashable=False)


TYPES = st.recursive(st.sampled_from(SCALARS), _composed, max_leaves=4)
NAMES = st.sampled_from(
    [
        "a",
        "b_c",
        "class",
        "delete",
        "type",
        "$ref",
        "x-y",
        "1st",
        "größe",
        "",
        "items",
        "properties",
        "__proto__",
        "*/",
    ]
)


@st.composite
def models(
    draw: Callable[..., Any], within: st.SearchStrategy[Kind] | None = None, name: str = "Model"
) -> Kind:
    """A model and its values; fields may be other models."""
    types = TYPES if within is None else TYPES | within | within.map(_list)
    fields = draw(st.dictionaries(NAMES, types, max_size=4))
    defaults = draw(st.sets(st.sampled_from(sorted(fields)))) if fields else set()
    declared: dict[str, Any] = {}
    for place, (wire_name, kind) in enumerate(fields.items()):
        default = draw(kind.values) if wire_name in defaults else ...
        declared[f"field_{place}"] = (kind.annotation, Field(default, alias=wire_name, validate_default=True))
    model = create_model(name, **declared)
    values = st.fixed_dictionaries({wire_name: kind.values for wire_name, kind in fields.items()})
    return Kind(model, values.map(model.model_validate), "object", hashable=False)


@st.composite
def modules(draw: Callable[..., Any]) -> list[tuple[Kind, Any]]:
    """A few types with a value each. Two of the models have the same name."""
    inner = draw(models(name="Inner"))
    outer = draw(models(st.just(inner), "Outer"))
    other = draw(models(name="Inner"))
    kinds = [outer, other, _list(outer), draw(TYPES)]
    return [(kind, draw(kind.values)) for kind in kinds]


@pytest.mark.timeout(120)
def test_random_models(tmp_path: Path) -> None:
    sources: list[Path] = []

    @settings(
        max_examples=MODULES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(modules())
    def tries(module: list[tuple[Kind, Any]]) -> None:
        fuse = Fuse(FastAPI(), docs=False)
        arrived: dict[str, Any] = {}
        for place, (kind, _) in enumerate(module):
            _register(fuse, f"echo_{place}", kind.annotation, arrived)
        sources.append(tmp_path / f"fuse{len(sources)}.ts")
        sources[-1].write_text(source_of(fuse))
        asyncio.run(_round_trip(fuse, module, arrived))

    tries()
    assert len(sources) == MODULES
    assert compiler.check(tmp_path, *sources) == []


def _register(fuse: Fuse, name: str, annotation: Any, arrived: dict[str, Any]) -> None:
    async def echo(value: Any) -> Any:
        arrived[name] = value
        return value

    echo.__name__ = name
    echo.__annotations__ = {"value": annotation, "return": annotation}
    fuse.rpc(echo)


async def _round_trip(fuse: Fuse, module: list[tuple[Kind, Any]], arrived: dict[str, Any]) -> None:
    async with connect(fuse.app) as client:
        for place, (kind, value) in enumerate(module):
            name = f"echo_{place}"
            returned = await getattr(client, name)(value)
            assert _same(arrived[name], value), (kind.annotation, arrived[name], value)
            read: Any = TypeAdapter(kind.annotation).validate_python(returned)
            assert _same(read, value), (kind.annotation, returned, value)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, BaseModel) and isinstance(other, BaseModel):
        return type(one) is type(other) and one == other
    return bool(one == other) or (isinstance(one, float) and math.isnan(one))
