"""Reading, checking and writing the contract."""

from __future__ import annotations

from typing import Any

import pytest
from fusewire_codegen.contract import ContractError, parse, serialise, subschemas, validate

from codegen.tests.contracts import contract, param, procedure, upload

USER = {"type": "object", "properties": {"name": {"type": "string"}}}


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ([], "contract"),
        (contract(fusewire=2), "fusewire"),
        (contract(calls=None), "calls"),
        (contract(procedures=[]), "procedures"),
        (contract(procedures={"f": 1}), "procedures.f"),
        (contract(procedures={"f": procedure(kind="event")}), "procedures.f.kind"),
        (contract(procedures={"f": procedure(result=None)}), "procedures.f.result"),
        (contract(procedures={"f": procedure(http={"method": "GET"})}), "procedures.f.http.path"),
        (
            contract(procedures={"f": procedure({"name": "a", "schema": {}})}),
            "procedures.f.params.a.required",
        ),
        (contract(procedures={"f": procedure(param("a"), param("a"))}), "procedures.f.params"),
        (contract(procedures={"f": procedure(errors=["E"])}), "procedures.f.errors"),
        (contract(procedures={"f": procedure(max_bytes="2 MB")}), "procedures.f.max_bytes"),
        (contract(procedures={"f": procedure(idempotent="yes")}), "procedures.f.idempotent"),
        (contract(procedures={"f": procedure(dedupe="10m")}), "procedures.f.dedupe"),
        (contract(procedures={"f": procedure(param("a") | {"upload": 1})}), "procedures.f.params.a.upload"),
        (
            contract(procedures={"f": procedure(upload("a"), upload("b"), transports=["websocket"])}),
            "procedures.f.params",
        ),
        (contract(procedures={"f": procedure(upload())}), "procedures.f.transports"),
        (contract(procedures={"a": procedure(), "a.b": procedure()}), "procedures.a.b"),
        (contract(procedures={"a..b": procedure()}), "procedures.a..b"),
        (contract(procedures={"f": procedure(result={"$ref": "#/types/X"})}), "procedures.f.result"),
        (contract(types={"A": {"type": "array", "items": {"$ref": "#/$defs/X"}}}), "types.A"),
        (contract(events={"E": {}}), "events.E.schema"),
        (contract(errors={"E": {"status": "402"}}), "errors.E.status"),
        (contract(types={"A": "string"}), "types.A"),
    ],
)
def test_what_does_not_fit_is_named(broken: Any, place: str) -> None:
    with pytest.raises(ContractError) as caught:
        validate(broken)
    assert str(caught.value).startswith(f"{place}: ")


def test_a_reference_in_plain_data_is_no_reference() -> None:
    schema = {"type": "object", "default": {"$ref": "#/types/Nowhere"}, "examples": [{"$ref": "x"}]}
    assert validate(contract(types={"A": schema}))


def test_text_is_sorted_readable_and_ends_with_a_newline() -> None:
    text = serialise(validate(contract(app="é", types={"User": USER, "A": {"type": "null"}})))
    assert text.endswith("}\n")
    assert '"app": "é"' in text
    assert text.index('"A": {') < text.index('"User": {')
    assert text.index('"api_prefix"') < text.index('"procedures"')
    assert parse(text)["types"]["User"] == USER


def test_a_lone_surrogate_survives() -> None:
    text = serialise(validate(contract(app="\ud800")))
    assert text.encode()
    assert parse(text)["app"] == "\ud800"


def test_text_that_is_not_json_is_a_contract_error() -> None:
    with pytest.raises(ContractError, match="line 2"):
        parse("{\n]")


def test_subschemas_are_all_found() -> None:
    leaf = {"type": "string"}
    schema: dict[str, Any] = {
        "anyOf": [{"items": leaf}, {"prefixItems": [leaf]}, {"additionalProperties": leaf}],
        "properties": {"a": {"allOf": [leaf]}},
    }
    assert sum(part == leaf for part in subschemas(schema)) == 4
