"""Pydantic's core schemas, rewritten: a type keeps its meaning, and some of its parts get another form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import EncodedBytes, TypeAdapter
from pydantic_core import core_schema

Schema = dict[str, Any]
Config = Mapping[str, Any]
Rule = Callable[[Schema, Schema, Config], Schema]

MAPPINGS = ("dict", "ordered-dict", "frozendict", "counter")
_NO_CONFIG: Config = {}

# The keys of a core schema below which there are core schemas: one, a list of them, or some by name.
_PARTS = frozenset(
    (
        "arguments_schema",
        "choices",
        "computed_fields",
        "definitions",
        "extras_schema",
        "fields",
        "items_schema",
        "json_schema",
        "keys_schema",
        "lax_schema",
        "python_schema",
        "return_schema",
        "schema",
        "steps",
        "strict_schema",
        "values_schema",
        "var_args_schema",
        "var_kwargs_schema",
    )
)


def core_schema_of(adapter: TypeAdapter[Any]) -> Schema:
    """The schema of a type. Raises `pydantic.errors.PydanticUserError` when it names a class that does not exist yet."""
    schema: Any = adapter.core_schema
    # A model with forward references, or `defer_build`, is built when its schema is first looked into.
    return schema if isinstance(schema, dict) else dict(schema)


def is_complete(adapter: TypeAdapter[Any]) -> bool:
    """Whether everything that the type names exists already."""
    return isinstance(adapter.core_schema, dict)


def is_coded(function: Any) -> bool:
    """Whether it is a method of `Base64Bytes` or its like, which are text on the wire, and decode and encode for themselves."""
    return isinstance(getattr(function, "__self__", None), EncodedBytes)


class Rewriter:
    """Rewrites one type, from its leaves to its root. What no rule changes stays the same object."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}
        """By the `type` of a schema. A rule gets a schema whose parts are rewritten, the schema as it was, and the model's configuration
        that holds there. It returns the schema in its place, and changes neither."""
        self._definitions: list[Any] = []

    def rewrite(self, schema: Schema, config: Config = _NO_CONFIG) -> Schema:
        self._definitions = schema["definitions"] if schema["type"] == "definitions" else []
        return self._schema(schema, config)

    def alone(self, part: Schema) -> Schema:
        """A part of the type as a type of its own, with what the whole defines."""
        part = {key: value for key, value in part.items() if key != "ref"}
        if not self._definitions:
            return part
        whole: Any = core_schema.definitions_schema(part, self._definitions)
        return dict(whole)

    def serialization(self, serialization: Schema, schema: Schema, config: Config) -> Schema:
        """Rewrites how a schema says that it is serialised. By default not at all."""
        del schema, config
        return serialization

    def _schema(self, schema: Schema, config: Config) -> Schema:
        config = schema.get("config", config)
        changed = {}
        for key in schema.keys() & _PARTS:
            part = schema[key]
            if (new := self.part(part, config)) is not part:
                changed[key] = new
        if (said := schema.get("serialization")) is not None:
            new = self.serialization(said, schema, config)
            if new is not said:
                changed["serialization"] = new
        rewritten = {**schema, **changed} if changed else schema
        rule = self.rules.get(schema["type"])
        return rewritten if rule is None else rule(rewritten, schema, config)

    def part(self, part: Any, config: Config) -> Any:
        """One schema, a list of them, or some by name."""
        if isinstance(part, dict):
            # A field may be called `type`; what stands there is no text then.
            if isinstance(part.get("type"), str):
                return self._schema(part, config)
            entries = {key: self.part(value, config) for key, value in part.items()}
            return entries if any(entries[key] is not part[key] for key in part) else part
        if isinstance(part, list | tuple):
            items = [self.part(item, config) for item in part]
            same = all(new is old for new, old in zip(items, part, strict=True))
            return part if same else type(part)(items)
        return part
