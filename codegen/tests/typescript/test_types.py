"""Schema to type expression."""

from __future__ import annotations

from typing import Any

import pytest
from fusewire_codegen.contract import ContractError, Schema
from fusewire_codegen.typescript.types import TypeWriter, literal, optional

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
NULL: dict[str, Any] = {"type": "null"}
USER: dict[str, Any] = {"$ref": "#/types/User"}
COLOR: dict[str, Any] = {"$ref": "#/types/Color"}
NAMES = {"User": "User", "Color": "Color", "Page[User]": "PageUser", "a/b~c": "Odd"}


def write(schema: Schema) -> str:
    return TypeWriter(NAMES).write(schema)


def array(items: Schema, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def record(values: Schema, **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values, **more}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (STRING, "string"),
        (INTEGER, "number"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "boolean"),
        (NULL, "null"),
        ({}, "unknown"),
        (True, "unknown"),
        (False, "never"),
        ({"title": "Json"}, "unknown"),
        ({"type": ["string", "null"]}, "string | null"),
    ],
)
def test_plain(schema: Schema, expected: str) -> None:
    assert write(schema) == expected


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("datetime", "Date"),
        ("naive-datetime", "NaiveDatetime"),
        ("date", "PlainDate"),
        ("time", "PlainTime"),
        ("timedelta", "Duration"),
        ("uuid", "UUID"),
        ("decimal", "Decimal"),
        ("bytes", "Uint8Array"),
        ("bigint", "bigint"),
        ("file", "Blob"),
    ],
)
def test_marked(marker: str, expected: str) -> None:
    assert write({"type": "string", "x-fuse": marker}) == expected


def test_an_unknown_marker_is_refused_instead_of_guessed() -> None:
    with pytest.raises(ContractError, match="'complex'"):
        write({"type": "string", "x-fuse": "complex"})


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (USER, "User"),
        ({**USER, "description": "Who.", "default": None}, "User"),
        ({"$ref": "#/types/Page[User]"}, "PageUser"),
        ({"$ref": "#/types/a~1b~0c"}, "Odd"),
        ({"allOf": [USER]}, "User"),
        ({"allOf": [USER, COLOR]}, "(User & Color)"),
    ],
)
def test_references(schema: Schema, expected: str) -> None:
    assert write(schema) == expected


def test_a_dangling_reference_is_refused() -> None:
    with pytest.raises(ContractError, match="Nobody"):
        write({"$ref": "#/types/Nobody"})


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"anyOf": [STRING, NULL]}, "string | null"),
        ({"anyOf": [NULL, STRING]}, "string | null"),
        ({"anyOf": [INTEGER, {"type": "number"}]}, "number"),
        ({"anyOf": [STRING, {}]}, "unknown"),
        ({"anyOf": [STRING, False]}, "string"),
        ({"anyOf": [{"anyOf": [STRING, NULL]}, INTEGER]}, "string | number | null"),
        ({"oneOf": [USER, COLOR], "discriminator": {"propertyName": "kind"}}, "User | Color"),
        ({"const": "a"}, '"a"'),
        ({"const": None}, "null"),
        ({"enum": ["a", 1, True, None, -2.0, 0.5]}, '"a" | 1 | true | -2 | 0.5 | null'),
        ({"type": "string", "enum": ['quo"te', "line\u2028end", "back\\slash"]}, None),
    ],
)
def test_unions(schema: Schema, expected: str | None) -> None:
    assert write(schema) == (expected or r'"quo\"te" | "line\u2028end" | "back\\slash"')


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (array(STRING), "string[]"),
        ({"type": "array"}, "unknown[]"),
        (array({"anyOf": [STRING, NULL]}), "(string | null)[]"),
        (array({"enum": ["a"]}), '"a"[]'),
        (array({"enum": ["a", "b"]}), '("a" | "b")[]'),
        (array(array({"anyOf": [USER, COLOR]})), "(User | Color)[][]"),
        (array(STRING, uniqueItems=True), "string[]"),
        (
            {"type": "array", "prefixItems": [STRING, INTEGER], "minItems": 2, "maxItems": 2},
            "[string, number]",
        ),
        (
            {"type": "array", "prefixItems": [STRING, INTEGER], "minItems": 1, "maxItems": 2},
            "[string, number?]",
        ),
        ({"type": "array", "prefixItems": [{"enum": [1, 2]}], "minItems": 0, "maxItems": 1}, "[(1 | 2)?]"),
        ({"type": "array", "prefixItems": [STRING], "minItems": 1, "items": False}, "[string]"),
        (
            {"type": "array", "prefixItems": [STRING], "minItems": 1, "items": INTEGER},
            "[string, ...number[]]",
        ),
        ({"type": "array", "prefixItems": [STRING], "minItems": 1}, "[string, ...unknown[]]"),
        ({"type": "array", "minItems": 0, "maxItems": 0}, "[]"),
        (array(STRING, minItems=2, maxItems=3), "string[]"),
    ],
)
def test_arrays_and_tuples(schema: Schema, expected: str) -> None:
    assert write(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (record(INTEGER), "Record<string, number>"),
        (record(True), "Record<string, unknown>"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"type": "object", "properties": {}}, "Record<string, never>"),
        (record(False), "Record<string, never>"),
        (record(STRING, **{"x-fuse-keys": INTEGER}), "Record<number, string>"),
        (record(STRING, **{"x-fuse-keys": {"type": "string", "x-fuse": "uuid"}}), "Record<UUID, string>"),
        (record(STRING, propertyNames={"minLength": 2}), "Record<string, string>"),
        (record(STRING, propertyNames=COLOR), "Partial<Record<Color, string>>"),
        (record(STRING, propertyNames={"enum": ["a", "b"]}), 'Partial<Record<"a" | "b", string>>'),
        (record({"anyOf": [STRING, NULL]}), "Record<string, string | null>"),
        (record(STRING, propertyNames={"type": "string", "x-fuse": "datetime"}), "Record<string, string>"),
        (record(STRING, propertyNames={"type": "string", "x-fuse": "bytes"}), "Record<string, string>"),
    ],
)
def test_dictionaries(schema: Schema, expected: str) -> None:
    assert write(schema) == expected


def test_objects() -> None:
    schema = {
        "type": "object",
        "properties": {"b-c": INTEGER, "a": STRING, "d": {"readOnly": True, **STRING}},
    }
    assert write({**schema, "required": ["a", "d"]}) == '{ "b-c"?: number; a: string; readonly d: string }'


@pytest.mark.parametrize(
    ("required", "extra", "expected"),
    [
        (["a"], True, ["a: string", "[key: string]: unknown"]),
        (["a"], INTEGER, ["a: string", "[key: string]: number | string"]),
        ([], INTEGER, ["a?: string", "[key: string]: number | string | undefined"]),
        (["a"], False, ["a: string"]),
    ],
)
def test_an_index_signature_fits_the_known_fields(
    required: list[str], extra: Schema, expected: list[str]
) -> None:
    schema = {"type": "object", "properties": {"a": STRING}, "required": required}
    assert TypeWriter({}).fields({**schema, "additionalProperties": extra}) == expected


def test_a_recursive_alias_uses_index_signatures() -> None:
    schema = {"anyOf": [record(USER), record(USER, propertyNames=COLOR)]}
    assert TypeWriter(NAMES, frozenset({"User"})).write_alias("User", schema) == [
        "{ [key: string]: User }",
        "{ [Key in Color]?: User }",
    ]


def test_only_what_is_written_is_imported() -> None:
    writer = TypeWriter({})
    writer.write(array({"type": "string", "x-fuse": "uuid"}))
    writer.write({"type": "string", "x-fuse": "datetime"})
    assert writer.imports == {"UUID"}


def test_literals_of_any_json() -> None:
    assert literal({"a b": [1, None]}) == '{ "a b": [1, null] }'


def test_optional() -> None:
    assert optional("string") == "string | undefined"
    assert optional("unknown") == "unknown"
