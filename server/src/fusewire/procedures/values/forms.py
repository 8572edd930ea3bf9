"""The two forms of a value that leaves: what msgpack carries, and JSON. Both are what pydantic calls JSON mode, and so what the contract
says, but for datetimes and bytes: those are themselves in msgpack, and in JSON aware and base64 (docs/values.md).

Each form is the type's own schema with other serializers for some of its parts, compiled once. A type without such parts keeps its own.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic_core import (
    PydanticSerializationUnexpectedValue,
    SchemaSerializer,
    core_schema,
    to_jsonable_python,
)

from fusewire.procedures.values.kinds import BIG_INT, NaiveDatetimes, NoFormError, aware
from fusewire.procedures.values.schemas import Config, Rewriter, Schema, is_coded
from fusewire.wire.codec import BigInteger

Convert = Callable[[Any], Any]

MAPPINGS = ("dict", "ordered-dict", "frozendict", "counter")
_WITH_EXTRAS = ("model-fields", "typed-dict", "dataclass-args")
_ALWAYS = {"json": "always", "json-unless-none": "unless-none"}
# What never becomes unhashable when it is serialised.
_HASHABLE = frozenset(
    (
        "int",
        "float",
        "bool",
        "str",
        "bytes",
        "none",
        "decimal",
        "fraction",
        "uuid",
        "date",
        "time",
        "datetime",
        "timedelta",
    )
) | {"literal", "enum", "url", "multi-host-url"}


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
        return None if rewritten is schema else _compiled(rewritten)

    @abstractmethod
    def big_int(self, value: int) -> Any: ...

    def _any(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        return schema if "serialization" in schema else _by(schema, self._anything)

    def _int(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        if BIG_INT not in schema.get("metadata", ()) or "serialization" in schema:
            return schema
        return _by(schema, _only(int, self.big_int))

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
        return _by({"type": "any"}, self._anything)

    def serialization(self, serialization: Schema, schema: Schema, config: Config) -> Schema:
        del schema
        kind = serialization["type"]
        if kind in ("format", "to-string"):
            return {
                **serialization,
                "when_used": _ALWAYS.get(serialization.get("when_used", "always"), "always"),
            }
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

    def __init__(self, naive: NaiveDatetimes, anything: Convert) -> None:
        super().__init__(naive, anything)
        self.rules["set"] = self.rules["frozenset"] = _unchanged

    def big_int(self, value: int) -> str:
        return digits(value)

    def _datetime(self, schema: Schema, was: Schema, _config: Config) -> Schema:
        if "serialization" in schema:
            return schema
        if schema.get("tz_constraint") == "naive":
            return _by(schema, _only(datetime, naive_only), returns=was)
        return _by(schema, _only(datetime, lambda value: aware(value, self.naive)), returns=was)

    def _bytes(self, schema: Schema, _was: Schema, config: Config) -> Schema:
        # Pydantic writes the URL-safe alphabet, which a browser's `atob` does not read. What a model asks for itself, it gets.
        said = "serialization" in schema or "ser_json_bytes" in config
        return schema if said else _by(schema, _only((bytes, bytearray), base64_text))


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
        return _by(schema, _only(datetime, lambda value: naive_only(value).isoformat()))

    def _bytes(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        return schema

    def _as_list(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        """A set of what is serialised to a dict cannot be a set."""
        items = schema.get("items_schema", {"type": "any"})
        if "serialization" in schema or (schema["type"] != "generator" and _stays_hashable(items)):
            return schema
        return _by(schema, list, returns=dict(core_schema.list_schema(items)))

    def _mapping(self, schema: Schema, was: Schema, config: Config) -> Schema:
        keys = was.get("keys_schema") or ({"type": "str"} if was["type"] == "counter" else {"type": "any"})
        if "serialization" in schema or (keys["type"] == "str" and "serialization" not in keys):
            return schema
        return {**schema, "keys_schema": _by({"type": "any"}, self._key(keys, config))}

    def _key(self, keys: Schema, config: Config) -> Convert:
        """Keys as JSON writes them: no client could read other ones back."""
        if keys["type"] == "any":
            return text_key
        mapping: Any = core_schema.dict_schema(keys, core_schema.any_schema())
        serializer = _compiled(self.alone(mapping), config)

        def key(value: Any) -> Any:
            if type(value) is str:
                return value
            (text,) = serializer.to_python({value: None}, mode="json", warnings="error")
            return text

        return key

    def _configured(self, schema: Schema, was: Schema, config: Config) -> Schema:
        """What a model's configuration writes in another way."""
        if "serialization" in schema or not config.keys() & {"ser_json_temporal", "ser_json_timedelta"}:
            return schema
        serializer = _compiled(was, config)
        return _by(schema, lambda value: serializer.to_python(value, mode="json", warnings="error"))

    def serialization(self, serialization: Schema, schema: Schema, config: Config) -> Schema:
        said = super().serialization(serialization, schema, config)
        if said["type"] not in ("function-plain", "function-wrap"):
            return said
        # By pydantic's modes this is Python mode; a user's function is to see what the contract speaks of.
        said = {
            **said,
            "when_used": _ALWAYS.get(said.get("when_used", "always"), said.get("when_used", "always")),
        }
        if said["type"] == "function-wrap" and not is_pydantics(said):
            wrapped = serialization.get("schema") or {k: v for k, v in schema.items() if k != "serialization"}
            said["schema"] = _by({"type": "any"}, self._as_json(wrapped, config))
        if is_coded(said["function"]):
            said["function"] = _as_text(said["function"])
        if said.get("info_arg") and not _keeps_elements(said):
            said["function"] = _in_json_mode(said["function"])
        return said

    def _as_json(self, schema: Schema, config: Config) -> Convert:
        serializer = _compiled(self._json.rewrite(self.alone(schema), config), config)
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


def is_pydantics(serialization: Schema) -> bool:
    """Whether a serializer is pydantic's own. Those that wrap hand on what they are given."""
    module = getattr(serialization["function"], "__module__", None) or ""
    return module == "pydantic" or module.startswith("pydantic.")


def _compiled(schema: Schema, config: Config | None = None) -> SchemaSerializer:
    # Prebuilt: the serializers of the models' classes, in place of what the schema says.
    return SchemaSerializer(schema, config, _use_prebuilt=False)  # type: ignore[arg-type]  # TypedDicts to pydantic


def _by(schema: Schema, function: Convert, *, returns: Schema | None = None) -> Schema:
    serialization: dict[str, Any] = {"type": "function-plain", "function": function}
    if returns is not None:
        serialization["return_schema"] = {key: value for key, value in returns.items() if key != "ref"}
    return {**schema, "serialization": serialization}


def _only(kind: type | tuple[type, ...], convert: Convert) -> Convert:
    """For values of that class alone: of a union, others are somebody else's."""

    def run(value: Any) -> Any:
        if isinstance(value, kind):
            return convert(value)
        raise PydanticSerializationUnexpectedValue(f"Unexpected {type(value).__name__}")

    return run


def _unchanged(schema: Schema, _was: Schema, _config: Config) -> Schema:
    return schema


def _stays_hashable(items: Schema) -> bool:
    return items["type"] in _HASHABLE and "serialization" not in items


def text_key(key: Any) -> str:
    if type(key) is str:
        return key
    (text,) = to_jsonable_python({key: None})
    return str(text)


def base64_text(value: bytes | bytearray | memoryview) -> str:
    """RFC 4648 §4."""
    return base64.b64encode(value).decode("ascii")


def digits(value: int) -> str:
    """Decimal digits. Raises `NoFormError` for more than may travel."""
    try:
        return str(int(value))
    except ValueError as error:
        # Python's own bound: the time it takes grows with the square of their number.
        raise NoFormError("an integer of more than 4,300 digits") from error


def naive_only(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise NoFormError("a NaiveDatetime has a time zone")
    return value
