"""Names on the wire: how an error's code is made, and which procedure names a client could not carry."""

from __future__ import annotations

import re

CLIENT_MEMBERS = frozenset({"on", "once", "off", "events", "with", "status", "close", "reauthenticate"})
"""Members of every TypeScript client; a procedure of that name would hide one."""

OBJECT_MEMBERS = frozenset(
    {"then", "catch", "finally", "constructor", "prototype", "toString", "valueOf", "toJSON", "__proto__"}
)
"""Names with a meaning to JavaScript itself: `await client` asks for `then`, `JSON.stringify` for `toJSON`."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORD_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def upper_snake(name: str) -> str:
    """`BudgetSpent` -> `BUDGET_SPENT`, `HTTPProblem` -> `HTTP_PROBLEM`."""
    return _WORD_BORDER.sub("_", name).upper()


def name_fault(name: str) -> str | None:
    """Say why no client could have a procedure of this name, or None when it could.

    `name` is the full wire name: identifiers joined by dots, the last one the procedure's, the others its namespace.
    """
    for part in name.split("."):
        if not _IDENTIFIER.match(part):
            return f"{part!r} is not an identifier"
        if part in CLIENT_MEMBERS:
            return f"{part!r} would hide the client's own member `client.{part}`"
        if part in OBJECT_MEMBERS:
            return f"{part!r} has a meaning of its own in JavaScript"
    return None
