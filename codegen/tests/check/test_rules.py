"""What apps of the corpus do not show: contracts written by hand, and what the command takes for granted."""

from __future__ import annotations

from typing import Any

import pytest
from fusewire import Bounds
from fusewire_codegen.check import Audience, Change, as_text, compare
from fusewire_codegen.check.procedures import DEFAULT_MAX_BYTES
from fusewire_codegen.contract import Contract, validate

from codegen.tests.contracts import contract, param, procedure


def _taking(schema: Any, **types: Any) -> Contract:
    entry = {"name": "a", "schema": schema, "required": True, "keyword": False}
    return validate(contract(procedures={"f": procedure(entry)}, types=types))


def test_the_usual_bound_is_the_servers() -> None:
    assert Bounds().message_bytes == DEFAULT_MAX_BYTES


@pytest.mark.parametrize("rule", ["not", "contains", "patternProperties", "dependentRequired"])
def test_a_rule_that_is_not_compared_is_taken_for_breaking(rule: str) -> None:
    old, new = _taking({"type": "object", rule: {"x": {}}}), _taking({"type": "object", rule: {"y": {}}})
    (change,) = compare(old, new)
    assert (change.place, change.breaks) == ("procedures.f.params.a", ("callers",))


def test_what_the_command_does_not_know_is_taken_for_breaking() -> None:
    old, new = (contract(procedures={"f": procedure(magic=magic)}) for magic in (1, 2))
    (change,) = compare(validate(old), validate(new))
    assert (change.place, change.is_breaking) == ("procedures.f.magic", True)


def test_annotations_of_the_users_own_are_not_compared() -> None:
    assert (
        compare(_taking({"type": "string", "x-mine": 1}), _taking({"type": "string", "examples": ["x"]}))
        == []
    )


def test_types_that_contain_each_other() -> None:
    def types(text: str) -> dict[str, Any]:
        item = {"type": "object", "properties": {"of": {"$ref": "#/types/Box"}}}
        box: dict[str, Any] = {
            "type": "object",
            "properties": {"items": {"type": "array", "items": {"$ref": "#/types/Item"}}},
        }
        return {"Item": item, "Box": {**box, "properties": {**box["properties"], "text": {"type": text}}}}

    schema = {"anyOf": [{"$ref": "#/types/Item"}, {"$ref": "#/types/Box"}, {"type": "null"}]}
    old, new = _taking(schema, **types("string")), _taking(schema, **types("integer"))
    (change,) = compare(old, new)
    assert change == Change(
        "types.Box.text", "is integer, was string", (Audience.CALLERS,), "what they send may be refused"
    )


def test_a_type_that_is_only_itself_ends() -> None:
    assert compare(_taking({"type": "string"}), _taking({"$ref": "#/types/T"}, T={"$ref": "#/types/T"}))


def test_fields_that_are_called_as_keywords() -> None:
    def fields(kind: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"description": {"type": kind}, "properties": {"type": "string"}},
        }

    (change,) = compare(_taking(fields("string")), _taking(fields("integer")))
    assert change.place == "procedures.f.params.a.description"


def test_many_recursive_unions_take_no_longer_than_few() -> None:
    names = [f"T{n}" for n in range(12)]
    union = {"anyOf": [{"$ref": f"#/types/{name}"} for name in names]}

    def types(kind: str) -> dict[str, Any]:
        return {
            name: {
                "type": "object",
                "properties": {"next": union, "n": {"type": kind}, name: {"type": "null"}},
            }
            for name in names
        }

    changes = compare(_taking(union, **types("integer")), _taking(union, **types("number")))
    assert not any(change.is_breaking for change in changes)
    assert len(changes) == len(names)


def test_all_who_are_hit_by_one_type_are_named_once() -> None:
    def app(kind: str) -> Contract:
        use = {"$ref": "#/types/M"}
        return validate(
            contract(
                procedures={"f": procedure(param("a"), result=use, errors=["E"]), "g": procedure(result=use)},
                events={"M": {"schema": use, "history": True}},
                errors={"E": {"status": 400, "data": use}},
                types={"M": {"type": "object", "properties": {"x": {"type": kind}}, "required": ["x"]}},
            )
        )

    (change,) = compare(app("integer"), app("string"))
    assert (change.place, change.breaks) == ("types.M.x", ("handlers", "listeners", "receivers"))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"idempotent": True}, "f.idempotent: is idempotent now"),
        (
            {"idempotent": True},
            {},
            "f.idempotent: is not idempotent any more. For callers: old clients may send a call again.",
        ),
        ({}, {"dedupe": 600}, "f.dedupe: outcomes are kept for 600 s, were not kept"),
        ({"dedupe": 300}, {"dedupe": 600}, "f.dedupe: outcomes are kept for 600 s, were kept for 300 s"),
        (
            {"dedupe": 600},
            {"dedupe": 300},
            (
                "f.dedupe: outcomes are kept for 300 s, were kept for 600 s. "
                "For callers: a call that is sent again later than that is executed again."
            ),
        ),
        (
            {"dedupe": 600},
            {},
            "f.dedupe: outcomes are not kept, were kept for 600 s. For callers: a call that is sent again is executed again.",
        ),
        (
            {},
            {"resume": 600},
            "f.resume: can be resumed for 600 s now: who leaves without a word does not end the stream",
        ),
        ({"resume": 300}, {"resume": 600}, "f.resume: can be resumed for 600 s, could for 300 s"),
        (
            {"resume": 600},
            {"resume": 300},
            "f.resume: can be resumed for 300 s, could for 600 s. For callers: who comes back later than that finds no stream.",
        ),
        (
            {"resume": 600},
            {},
            (
                "f.resume: cannot be resumed any more, could for 600 s. "
                "For callers: they get no rest of a stream whose connection is lost."
            ),
        ),
        ({}, {"deprecated": True}, "f.deprecated: is deprecated now"),
        ({"deprecated": True}, {}, "f.deprecated: is not deprecated any more"),
    ],
)
def test_options_are_told_of_in_words(before: dict[str, Any], after: dict[str, Any], told: str) -> None:
    old, new = (validate(contract(procedures={"f": procedure(**said)})) for said in (before, after))
    (change,) = compare(old, new)
    line, _ = as_text([change]).splitlines()
    verdict = "breaking  " if change.is_breaking else "compatible"
    assert line == f"{verdict}  procedures.{told}"


def test_what_is_idempotent_no_more_but_keeps_outcomes_breaks_nothing() -> None:
    old, new = (
        validate(contract(procedures={"f": procedure(**said)}))
        for said in ({"idempotent": True}, {"dedupe": 600})
    )
    assert [f"{change.place}: {change.what}" for change in compare(old, new) if not change.is_breaking] == [
        "procedures.f.dedupe: outcomes are kept for 600 s, were not kept",
        "procedures.f.idempotent: is not idempotent any more: what is sent again is not executed again",
    ]


def test_a_type_that_is_deprecated_is_told_of_in_words() -> None:
    plain: dict[str, Any] = {"type": "string"}
    (change,) = compare(_taking(plain), _taking({**plain, "deprecated": True}))
    assert change == Change("procedures.f.params.a", "is deprecated now")
    assert compare(_taking(plain), _taking({**plain, "deprecated": False})) == []
