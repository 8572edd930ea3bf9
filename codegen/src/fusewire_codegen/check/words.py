"""How differences are told."""

from __future__ import annotations

from fusewire_codegen.check.plain import UNIONS, Plain, canonical
from fusewire_codegen.check.rules import kinds_of

GONE, NEW, NEW_AND_REQUIRED = "is gone", "is new", "is new and required"


class Words:
    """What is told of something that a narrow schema allows and a wide one does not. `forward`: the narrow one is the old one."""

    def __init__(self, *, forward: bool) -> None:
        self._forward = forward

    @property
    def unknown(self) -> str:
        """Of a field that the wide side does not name."""
        return GONE if self._forward else NEW

    def required(self, *, is_named: bool) -> str:
        """Of a field that the wide side requires; `is_named`: the narrow one has it too, though not always."""
        if self._forward:
            return "is required now" if is_named else NEW_AND_REQUIRED
        return "may be absent now" if is_named else GONE

    def not_allowed(self, narrow: Plain) -> str:
        """Of a value, or of a member of a union."""
        value = describe(narrow)
        return f"{value} is not allowed any more" if self._forward else f"may be {value} now"

    def another(self, narrow: Plain, wide: Plain) -> str:
        """Of a type in place of another."""
        return "is {}, was {}".format(*self._new_and_old(describe(narrow), describe(wide)))

    def rule(self, rule: str, narrow: str, wide: str) -> str:
        """Of a bound and the like."""
        return "{} is {}, was {}".format(rule, *self._new_and_old(narrow, wide))

    def keys(self, narrow: Plain, wide: Plain) -> str:
        """Of a dictionary's keys."""
        return "keys are {}, were {}".format(*self._new_and_old(describe(narrow), describe(wide)))

    def untold(self, narrow: Plain, tag: str) -> str:
        """Of a member of a union that a discriminator does not know without its field."""
        told = "is told" if self._forward else "was told"
        return f"{describe(narrow)} {told} from the others by {tag!r}, which may be absent"

    def _new_and_old(self, narrow: str, wide: str) -> tuple[str, str]:
        return (wide, narrow) if self._forward else (narrow, wide)


def describe(schema: Plain) -> str:
    """A few words for `schema`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return canonical(schema["const"])
    if "enum" in schema:
        return " | ".join(map(canonical, schema["enum"]))
    for key in UNIONS:
        if key in schema:
            return " | ".join(map(describe, schema[key]))
    kinds = kinds_of(schema)
    if "x-fuse" in schema:
        return str(schema["x-fuse"])
    if kinds == ["array"] and "items" in schema:
        return f"list of {describe(schema['items'])}"
    return " | ".join(kinds) if kinds else "anything"
