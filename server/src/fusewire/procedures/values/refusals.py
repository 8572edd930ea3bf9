"""Types that cannot travel, refused when they are registered."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal
from weakref import WeakSet

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from fusewire.procedures.values.schemas import MAPPINGS, Config, Rewriter, Schema, core_schema_of

Mode = Literal["validation", "serialization"]

_NO_KEYS = {"bytes": "bytes", "model": "a model", "dataclass": "a dataclass", "frozenset": "a set"}
# As text that nobody reads back.
_NO_INPUT_KEYS = {"tuple": "a tuple", "named-tuple": "a tuple"}
_CLASSES = ("model", "dataclass", "typed-dict")
_FIELDS = ("model-field", "dataclass-field", "typed-dict-field")
_PLAIN = (str, int, float, bool, type(None))


_fine: dict[Mode, WeakSet[type]] = {"validation": WeakSet(), "serialization": WeakSet()}
"""Classes that were looked through."""


def refuse(adapter: TypeAdapter[Any], annotation: Any, mode: Mode) -> None:
    """Raises `TypeError` for a type of which some part has no form on the wire, in words for its author."""
    schema = core_schema_of(adapter)
    is_class = getattr(annotation, "__pydantic_core_schema__", None) is schema
    if is_class and annotation in _fine[mode]:
        return
    _look_through(adapter, schema, mode)
    if is_class:
        _fine[mode].add(annotation)


def _look_through(adapter: TypeAdapter[Any], schema: Schema, mode: Mode) -> None:
    seen = _Seen()
    seen.rewrite(schema)
    for fault in seen.faults:
        raise TypeError(fault)
    for fault in seen.input_faults if mode == "validation" else seen.output_faults:
        raise TypeError(fault)
    if seen.is_odd:
        # Only its serializers, or what else is said beside it, know whether there is a form.
        try:
            adapter.json_schema(mode=mode)
        except PydanticInvalidForJsonSchema as error:
            raise TypeError(f"no client could be given it: {error.message}") from error


class _Seen(Rewriter):
    """Rewrites nothing, and looks."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.input_faults: list[str] = []
        self.output_faults: list[str] = []
        self.is_odd = False
        self._classes = 0
        self.rules = {
            "is-subclass": self._class,
            "callable": self._odd,
            "is-instance": self._odd,
            "literal": self._literal,
            "enum": self._enum,
            "json": self._json,
            **dict.fromkeys(MAPPINGS, self._mapping),
            **dict.fromkeys(_FIELDS, self._field),
        }

    def _schema(self, schema: Schema, config: Config) -> Schema:
        is_class = schema["type"] in _CLASSES
        self._classes += is_class
        try:
            return super()._schema(schema, config)
        finally:
            self._classes -= is_class

    def _json(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        # An instance of a class holds what was parsed, and is not validated again.
        if not self._classes:
            self.output_faults.append(
                "Json[...] is text that is parsed when it comes in: for what leaves, declare what it holds"
            )
        return schema

    def _class(self, schema: Schema, was: Schema, config: Any) -> Schema:
        if "serialization" in schema:
            return self._odd(schema, was, config)
        self.faults.append(
            f"a class ({schema.get('cls_repr', 'type')}) has no form that a client could be given"
        )
        return schema

    def _odd(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        self.is_odd = True
        return schema

    def _field(self, schema: Schema, _was: Schema, config: Any) -> Schema:
        alias = schema.get("validation_alias")
        if isinstance(alias, list) and not config.get("validate_by_name"):
            paths = alias if alias and isinstance(alias[0], list) else [alias]
            if all(len(path) > 1 for path in paths):
                self.input_faults.append(
                    f"an AliasPath ({alias}) leads to a part of a value whose type nobody declares"
                )
        return schema

    def _mapping(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        for kind in _alternatives(schema.get("keys_schema", {"type": "any"})):
            for names, faults in ((_NO_KEYS, self.faults), (_NO_INPUT_KEYS, self.input_faults)):
                if kind in names:
                    faults.append(f"{names[kind]} cannot be a key: keys are text in JSON and msgpack")
        return schema

    def _literal(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        for value in schema["expected"]:
            if not isinstance(value, (*_PLAIN, Enum)):
                self.faults.append(f"Literal[{value!r}] has no form in JSON")
        return schema

    def _enum(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        for member in schema["members"]:
            if not isinstance(member.value, _PLAIN):
                name = type(member).__name__
                self.input_faults.append(
                    f"{name}.{member.name} cannot come from a client: its value is neither text nor number"
                )
        return schema


def _alternatives(schema: Schema) -> Iterator[str]:
    """The types that a value may be of, as far as it is not serialised in a way of its own."""
    if "serialization" in schema:
        return
    for key in ("choices", "schema"):
        below = schema.get(key)
        for part in below if isinstance(below, list) else [below]:
            choice = part[0] if isinstance(part, tuple) else part
            if isinstance(choice, dict) and schema["type"] in (
                "union",
                "nullable",
                "function-after",
                "function-before",
                "function-wrap",
            ):
                yield from _alternatives(choice)
    yield schema["type"]
