"""Names."""

from __future__ import annotations

import json

import pytest
from fusewire_codegen.typescript.names import (
    method_key,
    parameter_names,
    property_key,
    string_literal,
    type_names,
)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("User", "User"),
        ("foo_bar", "foo_bar"),
        ("_Private", "_Private"),
        ("Größe", "Größe"),
        ("Page[User]", "PageUser"),
        ("Odd__Name_", "Odd__Name_"),
        ("Pair[int, list[str]]", "PairIntListStr"),
        ("app.models.User", "AppModelsUser"),
        ("1st", "_1st"),
        ("[]", "Type"),
        ("Client", "ClientModel"),
        ("Stream", "StreamModel"),
        ("Iterable", "IterableModel"),
        ("ReadableStream", "ReadableStreamModel"),
        ("Date", "DateModel"),
        ("UUID", "UUIDModel"),
        ("string", "stringModel"),
        ("class", "classModel"),
    ],
)
def test_type_name(key: str, name: str) -> None:
    assert type_names([key]) == {key: name}


def test_clashes_are_numbered_and_plain_names_keep_theirs() -> None:
    keys = ["Page[User]", "PageUser", "Page.User", "Client", "ClientModel"]
    expected = {
        "PageUser": "PageUser",
        "Page.User": "PageUser2",
        "Page[User]": "PageUser3",
        "ClientModel": "ClientModel2",
        "Client": "ClientModel",
    }
    assert type_names(keys) == type_names(reversed(keys)) == expected


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a", "a"),
        ("class", "class"),
        ("a-b", '"a-b"'),
        ("1a", '"1a"'),
        ("", '""'),
        ("a.b", '"a.b"'),
        ("$x", '"$x"'),
    ],
)
def test_property_key(name: str, key: str) -> None:
    assert property_key(name) == key


def test_a_method_called_new_is_no_constructor() -> None:
    assert method_key("new") == '"new"'
    assert method_key("delete") == "delete"


@pytest.mark.parametrize(
    ("wire", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["delete", "class", "this"], ["delete_", "class_", "this_"]),
        (["delete", "delete_"], ["delete__", "delete_"]),
        (["x-id", "x_id"], ["x_id_", "x_id"]),
        (["x-id", "x.id"], ["x_id", "x_id_"]),
        (["1st", ""], ["_1st", "_"]),
    ],
)
def test_parameter_names(wire: list[str], names: list[str]) -> None:
    assert parameter_names(wire) == names


@pytest.mark.parametrize(
    "text", ["plain", 'q"uote', "back\\slash", "a\nb", "é", "\u2028\u2029", "\x7f\x00", "\ud800"]
)
def test_string_literal_is_one_line_of_utf8_with_the_same_value(text: str) -> None:
    literal = string_literal(text)
    assert literal.encode()
    assert len(literal.splitlines()) == 1
    assert json.loads(literal) == text
