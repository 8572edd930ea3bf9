"""Changes that teams make to their apps, each with what it must be called: compatible, or breaking and for whom."""

from __future__ import annotations

from codegen.tests.check.cases import Mutation
from codegen.tests.check.mutations_of_procedures import of_procedures
from codegen.tests.check.mutations_of_types import of_types


def mutations() -> list[Mutation]:
    """All of them, by unique names."""
    return [*of_procedures(), *of_types()]
