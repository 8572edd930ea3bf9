"""The two forms of a value that leaves: what msgpack carries (`exact`), and JSON. Both are what pydantic calls JSON mode, and so what the
contract says, but for datetimes and bytes: those are themselves in msgpack, and in JSON aware and base64 (docs/values.md).

Each form is the type's own schema with other serializers for some of its parts, compiled once. A type without such parts keeps its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from pydantic_core import SchemaSerializer

from fusewire.procedures.values.kinds import BIG_INT, NaiveDatetimes, aware
from fusewire.procedures.values.leaves import Convert, base64_text, by, compiled, digits, naive_only, only
from fusewire.procedures.values.schemas import Config, Rewriter, Schema

_WITH_EXTRAS = ("model-fields", "typed-dict")


class Form(Rewriter, ABC):
    """`anything` serialises a value whose type is not declared."""

    def __init__(self, naive: NaiveDatetimes, anything: Convert) -> None:
        super().__init__()
        self.naive: NaiveDatetimes = naive
        self._anything = anything
        self.rules = {
            "any": self._any,
            "int": self._int,
            "datetime": self._datetime,
            "bytes": self._bytes,
            **dict.fromkeys(_WITH_EXTRAS, self._extras),
        }

    def serializer(self, schema: Schema) -> SchemaSerializer | None:
        """What makes this form of a type. None: the type's own serializer does."""
        rewritten = self.rewrite(schema)
        return None if rewritten is schema else compiled(rewritten)

    @abstractmethod
    def big_int(self, value: int) -> Any: ...

    def _any(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        return schema if "serialization" in schema else by(schema, self._anything)

    def _int(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        if BIG_INT not in schema.get("metadata", ()) or "serialization" in schema:
            return schema
        return by(schema, only(int, self.big_int))

    @abstractmethod
    def _datetime(self, schema: Schema, was: Schema, config: Config) -> Schema: ...

    @abstractmethod
    def _bytes(self, schema: Schema, was: Schema, config: Config) -> Schema: ...

    def _extras(self, schema: Schema, _was: Schema, config: Config) -> Schema:
        """Fields that no class declares have no declared type either."""
        allowed = schema.get("extra_behavior", config.get("extra_fields_behavior")) == "allow"
        if not allowed or "extras_schema" in schema:
            return schema
        return {**schema, "extras_schema": self._undeclared}

    @property
    def _undeclared(self) -> Schema:
        return by({"type": "any"}, self._anything)

    def serialization(self, serialization: Schema, schema: Schema, config: Config) -> Schema:
        del schema
        kind = serialization["type"]
        if kind == "any":
            # `SerializeAsAny`: a subclass is asked for.
            return {"type": "function-plain", "function": self._anything}
        if kind == "model":
            return {**serialization, "schema": self.part(serialization["schema"], config)}
        if kind not in ("function-plain", "function-wrap"):
            return serialization
        changed: dict[str, Any] = {
            key: self.part(serialization[key], config)
            for key in ("schema", "return_schema")
            if key in serialization
        }
        if not is_pydantics(serialization) and "return_schema" not in serialization:
            changed["return_schema"] = self._undeclared
        return {**serialization, **changed}


class JsonForm(Form):
    """JSON, as a type is serialised by `to_json`."""

    def big_int(self, value: int) -> str:
        return digits(value)

    def _datetime(self, schema: Schema, was: Schema, _config: Config) -> Schema:
        if "serialization" in schema:
            return schema
        if schema.get("tz_constraint") == "naive":
            return by(schema, only(datetime, naive_only), returns=was)
        return by(schema, only(datetime, lambda value: aware(value, self.naive)), returns=was)

    def _bytes(self, schema: Schema, _was: Schema, config: Config) -> Schema:
        # Pydantic writes the URL-safe alphabet, which a browser's `atob` does not read. What a model asks for itself, it gets.
        said = "serialization" in schema or "ser_json_bytes" in config
        return schema if said else by(schema, only((bytes, bytearray), base64_text))


def is_pydantics(serialization: Schema) -> bool:
    """Whether a serializer is pydantic's own. Those that wrap hand on what they are given."""
    module = getattr(serialization["function"], "__module__", None) or ""
    return module == "pydantic" or module.startswith("pydantic.")
