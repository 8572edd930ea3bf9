"""Every change of the corpus is called what it is."""

from __future__ import annotations

import re

import pytest
from fusewire_codegen.check import compare

from codegen.tests.check.apps import contract_of
from codegen.tests.check.cases import Mutation
from codegen.tests.check.mutations import mutations


@pytest.mark.parametrize("mutation", mutations(), ids=lambda mutation: mutation.name)
def test_a_change_is_called_what_it_is(mutation: Mutation) -> None:
    changes = compare(contract_of(mutation.before), contract_of(mutation.after))
    assert frozenset(str(each) for change in changes for each in change.breaks) == mutation.breaks, changes
    if mutation.place:
        told = [
            change for change in changes if re.match(re.escape(mutation.place) + r"(\[|\.\*|$)", change.place)
        ]
        assert told, changes
        assert any(change.is_breaking for change in told) == bool(mutation.breaks), changes
    assert all(bool(change.why) == change.is_breaking for change in changes)


def test_equal_contracts_do_not_differ() -> None:
    for source in {source for mutation in mutations() for source in (mutation.before, mutation.after)}:
        assert compare(contract_of(source), contract_of.__wrapped__(source)) == []


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    names = [mutation.name for mutation in mutations()]
    assert len(names) == len(set(names)) >= 60
