"""JSON Schema as pydantic writes it, with the marks of docs/contract.md where it cannot say which value travels."""

from __future__ import annotations

from enum import Flag
from typing import Any

from fastapi import UploadFile
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, SkipJsonSchema
from pydantic_core import core_schema

from fusewire.procedures.values.schemas import is_coded

MARK = "x-fuse"
ENUM_NAMES = "x-enum-names"
ENUM_ALIASES = "x-enum-aliases"
KEYS = "x-fuse-keys"


def _marked(schema: JsonSchemaValue, mark: str) -> JsonSchemaValue:
    return {**schema, MARK: mark}


def _marked_text(schema: JsonSchemaValue, mark: str) -> JsonSchemaValue:
    """By a model's configuration it may be a number instead."""
    return _marked(schema, mark) if schema["type"] == "string" else schema


def _is_secret(schema: Any) -> bool:
    """Whether it goes out as asterisks, whatever it is: pydantic's `Secret` and its like."""
    function = schema.get("serialization", {}).get("function")
    return getattr(function, "__name__", "").startswith("_serialize_secret")


def _shown(schema: Any) -> Any:
    """Without `SkipJsonSchema`: what is not told to callers travels in results all the same, and has a type there."""
    metadata = schema.get("metadata", _NOTHING)
    functions = metadata.get(_ANNOTATIONS, ())
    kept = [each for each in functions if not isinstance(getattr(each, "__self__", None), _Skip)]
    return schema if len(kept) == len(functions) else {**schema, "metadata": {**metadata, _ANNOTATIONS: kept}}


def _may_be_missing(schema: Any) -> bool:
    """Whether pydantic's `MISSING` is one of its values."""
    while schema["type"] != "missing-sentinel":
        if schema["type"] not in ("default", "nullable") and not schema["type"].startswith("function-"):
            return False
        schema = schema.get("schema", _NOTHING)
    return True


_NOTHING = {"type": "any"}
_ANNOTATIONS = "pydantic_js_annotation_functions"
# To type checkers it is what it annotates.
_Skip: Any = SkipJsonSchema


def _is_upload(schema: Any) -> bool:
    """Whether FastAPI's validator of an `UploadFile` is what it is."""
    owner = getattr(schema.get("function", {}).get("function"), "__self__", None)
    return schema["type"] == "function-plain" and isinstance(owner, type) and issubclass(owner, UploadFile)


def as_file(schema: Any) -> Any:
    """The schema of a form's file, whatever Python makes of it: `bytes` are read from one."""
    if isinstance(schema, list):
        return [as_file(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get(MARK) == "bytes":
        rest = {key: value for key, value in schema.items() if key != "format"}
        return _marked(rest, "file")
    return {key: as_file(value) if key in ("anyOf", "items") else value for key, value in schema.items()}


class ContractSchema(GenerateJsonSchema):
    """Marks what TypeScript must tell apart, and calls a field required that is always there."""

    def field_is_present(self, field: Any) -> bool:
        # Pydantic drops without a word what a caller gives for a dataclass's field that is not initialised.
        is_dropped = self.mode == "validation" and field.get("init") is False
        return not is_dropped and super().field_is_present(field)

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        if self.mode == "serialization":
            schema = _shown(schema)
        if self.mode == "serialization" and _is_secret(schema):
            return {"type": "string", "format": "password", "writeOnly": True}
        written = super().generate_inner(schema)
        if _is_upload(schema):
            return _marked(written, "file")
        if self.mode == "serialization" and written.get("format") == "password":
            return {key: value for key, value in written.items() if key != MARK}
        return written

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        naive = schema.get("tz_constraint") == "naive"
        # In msgpack it is itself, however a model's configuration has JSON write it.
        return _marked(super().datetime_schema(schema), "naive-datetime" if naive else "datetime")

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        return _marked_text(super().date_schema(schema), "date")

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        return _marked_text(super().time_schema(schema), "time")

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        return _marked_text(super().timedelta_schema(schema), "timedelta")

    def uuid_schema(self, schema: core_schema.UuidSchema) -> JsonSchemaValue:
        return _marked(super().uuid_schema(schema), "uuid")

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        # One form both ways: a number would lose digits in JavaScript. Its bounds are for numbers, so they do not come along.
        del schema
        return _marked({"type": "string"}, "decimal")

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        return _marked({**super().bytes_schema(schema), "format": "base64"}, "bytes")

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        written = super().function_after_schema(schema)
        if is_coded(schema["function"]["function"]):
            # `Base64Bytes` and its like are text, which they decode for themselves.
            return {key: value for key, value in written.items() if key != MARK}
        return written

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        written = super().dict_schema(schema)
        keys = schema.get("keys_schema")
        if keys is not None and keys["type"] in ("int", "float"):
            # JSON Schema's keys are text, so pydantic drops what they are the text of.
            written[KEYS] = self.generate_inner(keys)
        for pattern, values in written.pop("patternProperties", {}).items():
            # Pydantic takes no other keys; `patternProperties` alone would allow those, with any value.
            written["propertyNames"] = {
                "type": "string",
                **written.get("propertyNames", {}),
                "pattern": pattern,
            }
            written["additionalProperties"] = values or True
        return written

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        # Pydantic lists a member once more for each other name that it has.
        members = list(dict.fromkeys(schema["members"]))
        written = super().enum_schema({**schema, "members": members})
        if issubclass(schema["cls"], Flag):
            # Flags combine to values that are no member's.
            return {key: value for key, value in written.items() if key not in ("enum", "const")}
        written[ENUM_NAMES] = [member.name for member in members]
        others = {
            name: member.name for name, member in schema["cls"].__members__.items() if name != member.name
        }
        return {**written, ENUM_ALIASES: others} if others else written

    def named_tuple_schema(self, schema: core_schema.NamedTupleSchema) -> JsonSchemaValue:
        written = super().named_tuple_schema(schema)
        if self.mode == "serialization":
            # It goes out whole.
            written["minItems"] = len(schema["fields"])
        return written

    def ser_schema(
        self,
        schema: core_schema.SerSchema | core_schema.IncExSeqSerSchema | core_schema.IncExDictSerSchema,
    ) -> JsonSchemaValue | None:
        if schema["type"] in ("function-plain", "function-wrap") and schema.get("return_schema") is None:
            function: Any = schema.get("function")
            if not getattr(function, "__module__", "").startswith("pydantic"):
                # A serializer that does not say what it returns: anything, not what it is given.
                return {}
        return super().ser_schema(schema)

    def field_is_required(self, field: Any, total: bool) -> bool:
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            # What is serialised is there, default or not, unless it says otherwise.
            left_out = field.get("serialization_exclude_if") is not None
            return not left_out and not _may_be_missing(field["schema"])
        return super().field_is_required(field, total)
