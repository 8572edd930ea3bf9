"""The rules that a value of one JSON type keeps: bounds, lengths, patterns, marks. Each is compared by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from fusewire_codegen.check.plain import Plain, canonical

TEXT_MARKS = frozenset(("naive-datetime", "date", "time", "timedelta", "uuid", "decimal"))
"""Marks of values that travel as text, so that whoever takes any text takes them."""

_LOWEST = (("string", "minLength"), ("array", "minItems"), ("object", "minProperties"))
_HIGHEST = (("string", "maxLength"), ("array", "maxItems"), ("object", "maxProperties"))
_EXACT = (("string", "pattern"), ("string", "format"), ("array", "uniqueItems"))
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}

_Bound = tuple[Fraction, bool] | None
"""A number, and whether it is itself excluded. None: no bound."""


def broken_rules(kind: str, narrow: Plain, wide: Plain) -> Iterator[tuple[str, str, str]]:
    """What `narrow` lets pass and `wide` does not, among values of the JSON type `kind`: rule, its value in `narrow`, in `wide`."""
    for type_, key in _LOWEST:
        if kind == type_ and narrow.get(key, 0) < wide.get(key, 0):
            yield key, _shown(narrow.get(key)), _shown(wide.get(key))
    for type_, key in _HIGHEST:
        if kind == type_ and key in wide and not narrow.get(key, float("inf")) <= wide[key]:
            yield key, _shown(narrow.get(key)), _shown(wide[key])
    for type_, key in _EXACT:
        if kind == type_ and wide.get(key) and narrow.get(key) != wide[key]:
            yield key, _shown(narrow.get(key)), _shown(wide[key])
    if kind in ("integer", "number"):
        yield from _broken_number_rules(kind, narrow, wide)


def _broken_number_rules(kind: str, narrow: Plain, wide: Plain) -> Iterator[tuple[str, str, str]]:
    whole = kind == "integer"
    for name, exclusive, sign in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        ours, theirs = (_bound(schema, name, exclusive, sign, whole) for schema in (narrow, wide))
        if theirs is not None and (ours is None or ours < theirs):
            yield name, _bound_shown(narrow, name, exclusive), _bound_shown(wide, name, exclusive)
    step = wide.get("multipleOf")
    if step is not None and not (whole and _is_multiple(1, step)):
        ours = narrow.get("multipleOf")
        if ours is None or not _is_multiple(ours, step):
            yield "multipleOf", _shown(ours), _shown(step)


def _bound(schema: Plain, name: str, exclusive: str, sign: int, whole: bool) -> _Bound:
    """The sharper one of both, so that a greater one allows less; upper bounds are turned round by `sign`."""
    bounds: list[tuple[Fraction, bool]] = []
    if name in schema:
        bounds.append((sign * Fraction(schema[name]), False))
    if exclusive in schema:
        value = sign * Fraction(schema[exclusive])
        # Above 0 is from 1 for whole numbers.
        bounds.append((Fraction(value // 1 + 1), False) if whole else (value, True))
    return max(bounds, default=None)


def _bound_shown(schema: Plain, name: str, exclusive: str) -> str:
    shown = [_shown(schema[name])] if name in schema else []
    if exclusive in schema:
        shown.append(f"{_shown(schema[exclusive])} (excluded)")
    return " and ".join(shown) or "none"


def _is_multiple(value: Any, of: Any) -> bool:
    return Fraction(str(value)) % Fraction(str(of)) == 0


def _shown(value: Any) -> str:
    return "none" if value is None else canonical(value)


def is_mark_taken(narrow: Plain, wide: Plain) -> bool:
    """Whether what travels under the mark of `narrow` is what `wide` says."""
    ours, theirs = narrow.get("x-fuse"), wide.get("x-fuse")
    return ours == theirs or (theirs is None and ours in TEXT_MARKS)


def type_of(value: Any) -> str:
    """The JSON type of a value."""
    return "null" if value is None else _TYPES[type(value)]


def is_type_in(kind: str, kinds: list[str]) -> bool:
    """Whether a value of the JSON type `kind` is of one of `kinds`."""
    return kind in kinds or (kind == "integer" and "number" in kinds)


def kinds_of(schema: Plain) -> list[str] | None:
    """The JSON types that `schema` names; None when it names none."""
    kinds = schema.get("type")
    return [kinds] if isinstance(kinds, str) else kinds


def is_value_allowed(value: Any, wide: Plain) -> bool:
    """Whether `wide`, which is no union and no reference, allows a value. Lists and objects are not looked into: they are not."""
    if "const" in wide:
        return canonical(value) == canonical(wide["const"])
    if "enum" in wide:
        return canonical(value) in map(canonical, wide["enum"])
    kind = type_of(value)
    kinds = kinds_of(wide)
    if "x-fuse" in wide or kind in ("array", "object") or not is_type_in(kind, kinds or [kind]):
        return False
    if kind == "string":
        exact = {"minLength": len(value), "maxLength": len(value)}
        pattern = wide.get("pattern")
        if "format" in wide or (pattern is not None and not _matches(pattern, value)):
            return False
        return not any(broken_rules(kind, exact, {key: wide[key] for key in exact if key in wide}))
    if kind in ("integer", "number"):
        return not any(
            broken_rules(kind, {"minimum": value, "maximum": value, "multipleOf": value or 1}, wide)
        )
    return True


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False
