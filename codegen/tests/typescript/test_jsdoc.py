"""JSDoc."""

from __future__ import annotations

import pytest
from fusewire_codegen.contract import Param, Schema
from fusewire_codegen.typescript import jsdoc


@pytest.mark.parametrize(
    "text",
    [
        "ends */ early",
        "**/",
        "a\u2028b\u2029c",
        "`code` and ``` fences",
        "nul \x00 and lone \ud800",
        "\r\n x \r y",
    ],
)
def test_no_text_ends_the_comment_early(text: str) -> None:
    comment = "\n".join(jsdoc.block([text]))
    assert comment.encode()
    assert comment.startswith("/**")
    assert comment.count("*/") == 1
    assert comment.endswith("*/")
    assert "\u2028" not in comment
    assert "\u2029" not in comment
    assert "\x00" not in comment


def test_one_line_or_several() -> None:
    assert jsdoc.block(["One."]) == ["/** One. */"]
    assert jsdoc.block(["One.\n\n  Two."], "  ") == ["  /**", "   * One.", "   *", "   *   Two.", "   */"]
    assert jsdoc.block([]) == []
    assert jsdoc.block(["", ""]) == []


@pytest.mark.parametrize(
    ("schema", "lines"),
    [
        ({}, []),
        (True, []),
        ({"description": "Text."}, ["Text."]),
        ({"type": "string", "minLength": 1, "maxLength": 5}, ["@minLength 1", "@maxLength 5"]),
        ({"anyOf": [{"type": "string", "pattern": "^a$"}, {"type": "null"}]}, ["@pattern ^a$"]),
        ({"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}, []),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 2.5}, ["@minimum 0", "@exclusiveMaximum 2.5"]),
        ({"type": "array", "uniqueItems": True}, ["@uniqueItems"]),
        ({"type": "array", "prefixItems": [{}], "minItems": 1, "maxItems": 1}, []),
        ({"type": "string", "format": "email"}, ["@format email"]),
        ({"type": "string", "format": "uuid", "x-fuse": "uuid"}, []),
        ({"type": "string", "default": "x", "deprecated": True}, ['@default "x"', "@deprecated"]),
        ({"type": "string", "default": None}, []),
        ({"type": "string", "default": "x" * 80}, []),
    ],
)
def test_what_a_schema_says_beside_its_type(schema: Schema, lines: list[str]) -> None:
    assert jsdoc.of_schema(schema) == lines


def test_parameter() -> None:
    schema: Schema = {"type": "integer", "description": "How\nmany.", "minimum": 1}
    param: Param = {"name": "n", "schema": schema, "required": False, "keyword": False, "default": 5}
    assert jsdoc.of_parameter("n", param) == ["@param n - How many. (minimum 1, default 5)"]
    assert jsdoc.of_parameter("n", {**param, "doc": "Better."}) == [
        "@param n - Better. (minimum 1, default 5)"
    ]
    plain: Param = {"name": "n", "schema": {"type": "integer"}, "required": True, "keyword": False}
    assert jsdoc.of_parameter("n", plain) == []
