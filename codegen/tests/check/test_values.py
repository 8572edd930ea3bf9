"""What is called compatible is: every value that one side may send is valid for the other."""

from __future__ import annotations

from typing import Any

from fusewire_codegen.check import Audience, compare
from fusewire_codegen.contract import Contract, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.tests.check.schemas import TYPES, Json, bodies, edited, is_body, is_valid, schemas, values
from codegen.tests.contracts import contract, procedure

quick = settings(max_examples=150, deadline=None)


def _contract(schema: Json, types: Json) -> Contract:
    """One procedure that takes what it gives."""
    param = {"name": "a", "schema": schema, "required": True, "keyword": False}
    return validate(contract(procedures={"f": procedure(param, result=schema)}, types=types))


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Json, Json, Json, Json]:
    old_types = {name: draw(bodies) for name in TYPES}
    new_types = {
        name: draw(st.one_of(edited(body).filter(is_body), st.just(body))) for name, body in old_types.items()
    }
    schema = draw(schemas)
    return schema, old_types, draw(edited(schema)), new_types


def _broken(old: Json, old_types: Json, new: Json, new_types: Json) -> set[Audience]:
    changes = compare(_contract(old, old_types), _contract(new, new_types))
    return {audience for change in changes for audience in change.breaks}


@quick
@given(_pairs(), st.data())
def test_what_callers_send_is_taken(pair: tuple[Json, Json, Json, Json], data: st.DataObject) -> None:
    old, old_types, new, new_types = pair
    if Audience.CALLERS not in _broken(*pair):
        value = data.draw(values(old, old_types))
        assert is_valid(value, new, new_types)


@quick
@given(_pairs(), st.data())
def test_what_receivers_get_is_known(pair: tuple[Json, Json, Json, Json], data: st.DataObject) -> None:
    old, old_types, new, new_types = pair
    if Audience.RECEIVERS not in _broken(*pair):
        value = data.draw(values(new, new_types))
        assert is_valid(value, old, old_types)


@quick
@given(_pairs())
def test_a_contract_does_not_differ_from_itself(pair: tuple[Json, Json, Json, Json]) -> None:
    old, old_types, *_ = pair
    assert compare(_contract(old, old_types), _contract(old, old_types)) == []


def _wider(schema: Json) -> st.SearchStrategy[Json]:
    """Schemas that allow all that `schema` allows, and more."""
    rules = ("minimum", "exclusiveMaximum", "minLength", "maxItems", "required", "multipleOf", "pattern")
    without = [
        {key: rule for key, rule in schema.items() if key != dropped}
        for dropped in rules
        if dropped in schema
    ]
    return st.sampled_from(
        [{"anyOf": [schema, {"type": "null"}]}, {"anyOf": [{"type": "boolean"}, schema]}, {}, *without]
    )


@quick
@given(st.data())
def test_no_alarm_when_more_is_taken_or_less_is_given(data: st.DataObject) -> None:
    types: Any = {name: data.draw(bodies) for name in TYPES}
    narrow = data.draw(schemas)
    wide = data.draw(_wider(narrow))
    assert Audience.CALLERS not in _broken(narrow, types, wide, types)
    assert Audience.RECEIVERS not in _broken(wide, types, narrow, types)
