"""What comes in: the declared type of an argument."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticKnownError, SchemaValidator, core_schema, to_json

from fusewire.loading import is_contract_only
from fusewire.procedures.values.kinds import NaiveDatetimes
from fusewire.procedures.values.refusals import refuse
from fusewire.procedures.values.schemas import Config, Rewriter, Schema, core_schema_of, is_coded

Check = Callable[[Any], Any]


class InputType:
    """The declared type of an argument.

    Raises `TypeError` for a type of which some part cannot come from a client, pydantic's error for one that names what does not exist.
    """

    def __init__(self, annotation: Any, *, naive: NaiveDatetimes = "error") -> None:
        self.annotation = annotation
        self.adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self._naive: NaiveDatetimes = naive
        refuse(self.adapter, annotation, "validation")
        if not is_contract_only():
            _ = self.check

    @cached_property
    def check(self) -> Check:
        """Validates what came in msgpack, in JSON, in a URL or a header: text where bytes are declared is base64.

        Raises `pydantic.ValidationError` when the value does not fit.
        """
        schema = core_schema_of(self.adapter)
        form = _Wire(self._naive)
        rewritten = form.rewrite(schema)
        if rewritten is schema and not form.is_strict:
            # Past the adapter's own Python: half the time of a call's validation.
            return self.adapter.validator.validate_python
        # Prebuilt: the validators of the models' classes, in place of what the schema says.
        validator = SchemaValidator(rewritten, _use_prebuilt=False)
        return _through_json(validator) if form.is_strict else validator.validate_python


class _Wire(Rewriter):
    """A type as it is read from the wire: moments are aware, bytes may be base64."""

    def __init__(self, naive: NaiveDatetimes) -> None:
        super().__init__()
        self._naive = naive
        self.is_strict = False
        """Whether it takes no text for what is none in Python: then only JSON can say a date."""
        self.rules = {
            "literal": self._literal,
            "tagged-union": self._tagged,
            "model": self._model,
            "datetime": self._datetime,
            "bytes": self._bytes,
            "union": self._union,
            "generator": self._generator,
        }

    def _schema(self, schema: Schema, config: Config) -> Schema:
        config = schema.get("config", config)
        if schema["type"] == "lax-or-strict":
            # Its own strictness is how it is built.
            lax = self.part(schema["lax_schema"], config)
            return schema if lax is schema["lax_schema"] else {**schema, "lax_schema": lax}
        if schema["type"] == "function-after" and is_coded(schema["function"]["function"]):
            # `Base64Bytes` and its like decode for themselves.
            return schema
        if schema.get("strict") is True or config.get("strict") is True:
            self.is_strict = True
        return super()._schema(schema, config)

    def _datetime(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        if "tz_constraint" in schema:
            return schema
        if self._naive == "error":
            return {**schema, "tz_constraint": "aware"}
        return _around(schema, core_schema.no_info_after_validator_function(_in_utc, _INSIDE))

    def _bytes(self, schema: Schema, _was: Schema, config: Config) -> Schema:
        # JSON has no bytes, and pydantic decodes them in what it parses itself alone.
        decode = _DECODERS.get(config.get("val_json_bytes", "base64"))
        if decode is None:
            return schema
        decoded = _around(schema, core_schema.no_info_before_validator_function(decode, _INSIDE))
        if schema.get("strict", config.get("strict")):
            return decoded
        ref = {"ref": decoded.pop("ref")} if "ref" in decoded else {}
        strict = {**decoded["schema"], "strict": True}
        # In a union text is first of all text.
        return {"type": "lax-or-strict", "lax_schema": decoded, "strict_schema": strict, **ref}

    def _union(self, schema: Schema, was: Schema, _config: Config) -> Schema:
        """What may be base64 may be a UUID as well: it is tried last."""
        if schema is was:
            return schema
        return {
            **schema,
            "choices": sorted(schema["choices"], key=lambda choice: _arm(choice)["type"] == "lax-or-strict"),
        }

    def _literal(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        """Pydantic takes an enum's member itself alone, which no client has."""
        expected = schema["expected"]
        members = {(type(value.value), value.value): value for value in expected if isinstance(value, Enum)}
        if not members:
            return schema
        plain = {(type(value), value) for value in expected}

        def member(value: Any) -> Any:
            key = type(value), value
            return members.get(key, value) if isinstance(value, Hashable) and key not in plain else value

        return _around(schema, core_schema.no_info_before_validator_function(member, _INSIDE))

    def _tagged(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        """By the values that clients have."""
        choices: dict[Any, Any] = schema["choices"]
        if not any(isinstance(tag, Enum) for tag in choices):
            return schema
        by_value = {tag.value if isinstance(tag, Enum) else tag: choice for tag, choice in choices.items()}
        return {**schema, "choices": by_value}

    def _model(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        """A SQLModel table validates nothing when it is made; its fields do."""
        cls = schema["cls"]
        if not cls.model_config.get("table"):
            return schema

        def row(validated: tuple[dict[str, Any], Any, Any]) -> Any:
            return cls(**validated[0])

        ref = {"ref": schema["ref"]} if "ref" in schema else {}
        return {
            **core_schema.no_info_after_validator_function(row, _INSIDE),
            "schema": schema["schema"],
            **ref,
        }

    def _generator(self, schema: Schema, _was: Schema, _config: Config) -> Schema:
        # Pydantic would validate its items when the procedure reads them.
        kept: dict[str, Any] = {
            key: schema[key] for key in ("items_schema", "min_length", "max_length", "ref") if key in schema
        }
        return {"type": "list", **kept}


def _arm(choice: Any) -> Schema:
    """Of a union's choice, which may have a label."""
    schema: Schema = choice[0] if isinstance(choice, tuple) else choice
    return schema


_INSIDE: Any = {}


def _around(schema: Schema, function: Any) -> Schema:
    """A function's schema with another one inside. What refers to that one means both."""
    ref = {"ref": schema["ref"]} if "ref" in schema else {}
    return {**function, "schema": {key: value for key, value in schema.items() if key != "ref"}, **ref}


def _through_json(validator: SchemaValidator) -> Check:
    """In strict mode pydantic takes a date's text from JSON, and not from Python."""

    def check(value: Any) -> Any:
        return validator.validate_json(to_json(value, bytes_mode="base64", inf_nan_mode="constants"))

    return check


def _in_utc(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


_STANDARD = str.maketrans("-_", "+/")


def _from_base64(value: Any) -> Any:
    """Either alphabet: a URL has the other one."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value.translate(_STANDARD), validate=True)
    except ValueError as error:
        raise _undecodable("base64", error) from error


def _from_hex(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return binascii.unhexlify(value)
    except ValueError as error:
        raise _undecodable("hex", error) from error


def _undecodable(encoding: str, error: ValueError) -> PydanticKnownError:
    return PydanticKnownError("bytes_invalid_encoding", {"encoding": encoding, "encoding_error": str(error)})


_DECODERS: dict[str, Check] = {"base64": _from_base64, "hex": _from_hex}
