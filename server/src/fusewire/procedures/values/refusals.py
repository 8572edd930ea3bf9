"""Types that cannot travel, refused when they are registered."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from fusewire.procedures.values.schemas import MAPPINGS, Rewriter, Schema, core_schema_of

Mode = Literal["validation", "serialization"]

_NO_KEYS = {
    "bytes": "bytes",
    "tuple": "a tuple",
    "named-tuple": "a tuple",
    "model": "a model",
    "dataclass": "a dataclass",
    "frozenset": "a set",
}
_PLAIN = (str, int, float, bool, type(None))


def refuse(adapter: TypeAdapter[Any], mode: Mode) -> None:
    """Raises `TypeError` for a type of which some part has no form on the wire, in words for its author."""
    seen = _Seen()
    seen.rewrite(core_schema_of(adapter))
    for fault in seen.faults:
        raise TypeError(fault)
    if mode == "validation":
        for fault in seen.input_faults:
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
        self.is_odd = False
        self.rules = {
            "is-subclass": self._class,
            "callable": self._odd,
            "is-instance": self._odd,
            "literal": self._literal,
            "enum": self._enum,
            **dict.fromkeys(MAPPINGS, self._mapping),
        }

    def _class(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        self.faults.append(
            f"a class ({schema.get('cls_repr', 'type')}) has no form that a client could be given"
        )
        return schema

    def _odd(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        self.is_odd = True
        return schema

    def _mapping(self, schema: Schema, _was: Schema, _config: Any) -> Schema:
        for kind in _alternatives(schema.get("keys_schema", {"type": "any"})):
            if kind in _NO_KEYS:
                self.faults.append(f"{_NO_KEYS[kind]} cannot be a key: keys are text in JSON and msgpack")
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
