"""Names: what may be an identifier, what must be quoted, and what a contract type is called in TypeScript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from fusewire_codegen.contract import escape_surrogates

IMPORTED_TYPES = {
    "naive-datetime": "NaiveDatetime",
    "date": "PlainDate",
    "time": "PlainTime",
    "timedelta": "Duration",
    "uuid": "UUID",
    "decimal": "Decimal",
}
"""`x-fuse` values whose TypeScript type is imported from the client."""

# Strict-mode reserved words, and the two names that strict mode forbids to bind.
_RESERVED_WORDS = frozenset(
    """
    arguments await break case catch class const continue debugger default delete do else enum eval export
    extends false finally for function if implements import in instanceof interface let new null package
    private protected public return static super switch this throw true try typeof var void while with yield
    """.split()
)
# No type may be called like a built-in one, like what the file declares or imports, or like a global it uses.
# The list does not depend on what is used: a first stream must not rename the user's model `Stream`.
_TAKEN_TYPES = (
    frozenset(
        """
        any as asserts bigint boolean is keyof never number object readonly string symbol undefined unique
        unknown AsyncIterable Blob Date Iterable Partial Promise ReadableStream Record Uint8Array
        Client Errors Events Procedures connect descriptor isError safe
        Call CodeOf ConnectOptions ErrorOf FuseClient Resumable ResumableStream Safe Stream Upload
        createClient matchesError recovery resuming retrying safely upkeep uploads
        """.split()
    )
    | frozenset(IMPORTED_TYPES.values())
    | _RESERVED_WORDS
)


def string_literal(text: str) -> str:
    """`text` in double quotes: the same value in JSON, JavaScript and TypeScript, on one line, in UTF-8."""
    quoted = escape_surrogates(json.dumps(text, ensure_ascii=False))
    return quoted.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x7f", "\\u007f")


def property_key(name: str) -> str:
    """`name` as the key of an object or interface: bare when it is an identifier, else quoted."""
    return name if _is_identifier(name) else string_literal(name)


def method_key(name: str) -> str:
    """As `property_key`; a bare `new(…)` would declare a constructor instead of a method of that name."""
    return '"new"' if name == "new" else property_key(name)


def parameter_names(wire_names: Iterable[str]) -> list[str]:
    """Names for a signature, unique, none a reserved word: `delete` becomes `delete_`, `x-id` `x_id`."""
    taken = set(wire_names := list(wire_names))
    result = []
    for wire in wire_names:
        name = re.sub(r"\W", "_", wire, flags=re.ASCII) if not _is_identifier(wire) else wire
        name = f"_{name}" if not name or name[0].isdigit() else name
        while name in _RESERVED_WORDS or (name != wire and name in taken):
            name += "_"
        taken.add(name)
        result.append(name)
    return result


def type_names(keys: Iterable[str]) -> dict[str, str]:
    """A TypeScript name for each contract type.

    An identifier stays as it is; `Page[User]` becomes `PageUser`, `app.models.User` `AppModelsUser`. A name that
    the file needs itself gets `Model` behind it, a clash gets a number.
    """
    plain_first = sorted(keys, key=lambda key: (not _is_identifier(key), key))
    names: dict[str, str] = {}
    taken = set(_TAKEN_TYPES)
    for key in plain_first:
        wanted = _readable(key)
        wanted = f"{wanted}Model" if wanted in _TAKEN_TYPES else wanted
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted}{number}", number + 1
        taken.add(name)
        names[key] = name
    return names


def _is_identifier(name: str) -> bool:
    # Python's identifiers are JavaScript's but for `$` and `\u200c`, which Python does not allow.
    return name.isidentifier()


def _readable(key: str) -> str:
    if _is_identifier(key):
        return key
    words = [word for word in re.split(r"[\W_]+", key) if word]
    name = "".join(word[0].upper() + word[1:] for word in words) or "Type"
    return name if _is_identifier(name) else "_" + re.sub(r"\W", "", name, flags=re.ASCII)
