"""What msgpack carries, made by serializers that are in pydantic's Python mode."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from pydantic_core import core_schema

from fusewire.procedures.values.forms import Form, JsonForm, is_pydantics
from fusewire.procedures.values.kinds import NaiveDatetimes
from fusewire.procedures.values.leaves import Convert, by, compiled, digits, naive_only, only, text_key
from fusewire.procedures.values.schemas import MAPPINGS, Config, Schema, is_coded
from fusewire.wire.codec import BigInteger

_ALWAYS = {"json": "always", "json-unless-none": "unless-none"}
_COLLECTIONS = (list, tuple, set, frozenset, deque, Iterator)
# What never becomes unhashable when it is serialised.
_NUMBERS = ("int", "float", "bool", "decimal", "fraction")
_TIMES = ("date", "time", "datetime", "timedelta")
_HASHABLE = frozenset(("str", "bytes", "none", "uuid", "literal", "enum", "url", *_NUMBERS, *_TIMES))


class ExactForm(Form):
    """Plain Python data for msgpack: what it knows is itself, what the packer's `default` turns into text by its class stays as it is,
    anything else has its JSON form. `json` is the form that a user's own wrapping serializer is given to wrap."""

    def __init__(self, naive: NaiveDatetimes, anything: Convert, json: JsonForm) -> None:
        super().__init__(naive, anything)
        self._json = json
        self.rules |= {
            "set": self._as_list,
            "frozenset": self._as_list,
            "generator": self._as_list,
            "date": self._configured,
            "time": self._configured,
            "timedelta": self._configured,
            **dict.fromkeys(MAPPINGS, self._mapping),
        }

    def big_int(self, value: int) -> BigInteger:
        return BigInteger(digits(value))

    def _datetime(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        if "serialization" in schema or schema.get("tz_constraint") != "naive":
            # Aware ones are msgpack's own; of the others the packer's `default` decides.
            return schema
        return by(schema, only(datetime, lambda value: naive_only(value).isoformat()))

    def _bytes(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        return schema

    def _as_list(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        """A set of what is serialised to a dict cannot be a set."""
        items = schema.get("items_schema", {"type": "any"})
        if "serialization" in schema or (schema["type"] != "generator" and _stays_hashable(items)):
            return schema
        return by(schema, only(_COLLECTIONS, list), returns=dict(core_schema.list_schema(items)))

    def _mapping(self, schema: Schema, was: Schema, config: Config) -> Schema:
        keys = was.get("keys_schema") or {"type": "any"}
        if "serialization" in schema or _is_text(keys):
            return schema
        return {**schema, "keys_schema": by({"type": "any"}, self._key(keys, config))}

    def _key(self, keys: Schema, config: Config) -> Convert:
        """Keys as JSON writes them: no client could read other ones back."""
        if keys["type"] == "any":
            return text_key
        mapping: Any = core_schema.dict_schema(keys, core_schema.any_schema())
        serializer = compiled(self.alone(mapping), config)

        def key(value: Any) -> Any:
            (text,) = serializer.to_python({value: None}, mode="json", warnings="error")
            return text

        return key

    def _configured(self, schema: Schema, was: Schema, config: Config) -> Schema:
        """What a model's configuration writes in another way."""
        if "serialization" in schema or not config.keys() & {"ser_json_temporal", "ser_json_timedelta"}:
            return schema
        serializer = compiled(was, config)
        return by(schema, lambda value: serializer.to_python(value, mode="json", warnings="error"))

    def serialization(self, serialization: Schema, schema: Schema, config: Config) -> Schema:
        said = super().serialization(serialization, schema, config)
        if said["type"] in ("format", "to-string"):
            used = said.get("when_used", "json-unless-none")
            return {**said, "when_used": _ALWAYS.get(used, used)}
        if said["type"] not in ("function-plain", "function-wrap"):
            return said
        # By pydantic's modes this is Python mode; a user's function is to see what the contract speaks of.
        used = said.get("when_used", "always")
        said = {**said, "when_used": _ALWAYS.get(used, used)}
        if said["type"] == "function-wrap" and not is_pydantics(said):
            wrapped = serialization.get("schema") or {k: v for k, v in schema.items() if k != "serialization"}
            said["schema"] = by({"type": "any"}, self._as_json(wrapped, config))
        if is_coded(said["function"]):
            said["function"] = _as_text(said["function"])
        if said.get("info_arg") and not _keeps_elements(said):
            said["function"] = _in_json_mode(said["function"])
        return said

    def _as_json(self, schema: Schema, config: Config) -> Convert:
        serializer = compiled(self._json.rewrite(self.alone(schema), config), config)
        return lambda value: serializer.to_python(value, mode="json", by_alias=True, warnings="error")


class _JsonMode:
    """Pydantic's `SerializationInfo`, which says that this is JSON mode."""

    mode = "json"

    def __init__(self, info: Any) -> None:
        self._info = info

    def __getattr__(self, name: str) -> Any:
        return getattr(self._info, name)

    def mode_is_json(self) -> bool:
        return True


def _in_json_mode(function: Callable[..., Any]) -> Callable[..., Any]:
    # The information is the last argument of each kind of serializer.
    return lambda *args: function(*args[:-1], _JsonMode(args[-1]))


def _as_text(encode: Convert) -> Convert:
    return lambda value: encode(value).decode("ascii")


def _keeps_elements(serialization: Schema) -> bool:
    return serialization["type"] == "function-wrap" and is_pydantics(serialization)


def _stays_hashable(items: Schema) -> bool:
    return items["type"] in _HASHABLE and "serialization" not in items


def _is_text(keys: Schema) -> bool:
    if "serialization" in keys:
        return False
    return keys["type"] == "str" or (
        keys["type"] == "literal" and all(type(value) is str for value in keys["expected"])
    )
