"""The whole corpus, by theme."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType

from tests.corpus.entry import Entry, entries_of, refused_of

THEMES = (
    "scalars",
    "containers",
    "enums",
    "models",
    "field_names",
    "configured",
    "serializers",
    "unions",
    "generics",
    "classes",
    "recursion",
    "tables",
    "clashes",
    "refused",
)
NEWER_THEMES = ("modern",) if sys.version_info >= (3, 12) else ()
"""What older Pythons cannot read."""


def themes(names: Iterable[str] = (*THEMES, *NEWER_THEMES)) -> list[ModuleType]:
    return [import_module(f"tests.corpus.{name}") for name in names]


def _all() -> tuple[Entry, ...]:
    found = [entry for theme in themes() for entry in entries_of(theme)]
    names = [entry.name for entry in found]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    return tuple(found)


ENTRIES = _all()
REFUSED = tuple(refused for theme in themes() for refused in refused_of(theme))
