"""Names in the generated file: none hides another, none is a word of Python."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from fusewire_codegen.contract import Contract
from fusewire_codegen.typescript.names import type_names as shared_type_names

IMPORTED = frozenset(
    {
        *("App", "BaseClient", "Call", "Caller", "ConnectOptions", "Event", "File", "Model", "NamedEvent"),
        *("Namespace", "ResumableStream", "RpcError", "Source", "Stream", "StreamCall", "default"),
        *("open_client", "resumable"),
        *("AbstractAsyncContextManager", "Unpack", "annotations", "deprecated", "TypeAliasType"),
        *("Any", "Dict", "Literal", "Optional", "Union", "Annotated", "ConfigDict", "Field", "RootModel"),
        *("Enum", "IntEnum", "StrEnum", "UUID", "Decimal", "date", "datetime", "time", "timedelta"),
    }
)
"""What the file may import, from `fusewire.client.typed` and for the models."""

MEMBERS = frozenset({"on", "once", "events", "with_", "status", "close", "reauthenticate", "_fuse"})
"""Members of every Python client: no procedure gets one of these names."""

_OWN = frozenset({"Client", "connect", "self"})
_TAKEN = IMPORTED | _OWN | frozenset(dir(builtins))


def type_names(contract: Contract) -> dict[str, str]:
    """A class name for each contract type: the one that it has in TypeScript, with `Model` behind it where that is taken here."""
    shared = shared_type_names(contract["types"])
    taken = {*shared.values(), *_TAKEN}
    return {key: _free(f"{name}Model", taken) if _is_taken(name) else name for key, name in shared.items()}


def error_names(contract: Contract, types: Iterable[str]) -> dict[str, str]:
    """A class name for each error code: `BudgetSpent` for `BUDGET_SPENT`, with `Error` behind it where that is taken."""
    taken = {*types, *_TAKEN}
    names: dict[str, str] = {}
    for code in sorted(contract["errors"]):
        words = [word for word in re.split(r"[\W_]+", code) if word]
        wanted = "".join(word[:1].upper() + word[1:].lower() for word in words)
        wanted = wanted if wanted.isidentifier() and not keyword.iskeyword(wanted) else f"Error{wanted}"
        names[code] = _free(f"{wanted}Error" if wanted in taken else wanted, taken)
    return names


def member_name(wire: str) -> str:
    """The method of a procedure, or the attribute of a namespace: its own name, with `_` behind a word of Python, a dunder, or a
    member of the client."""
    return f"{wire}_" if keyword.iskeyword(wire) or wire.startswith("__") or wire in MEMBERS else wire


def parameter_names(wire_names: Iterable[str]) -> list[str]:
    """Names for a signature, unique, none a word of Python."""
    wanted = list(wire_names)
    taken = {"self", *wanted}
    names = []
    for wire in wanted:
        name = re.sub(r"\W", "_", wire)
        name = name if name.isidentifier() else f"_{name}"
        fits = name == wire and not keyword.iskeyword(wire) and wire != "self"
        names.append(wire if fits else _free(name if name not in taken else f"{name}_", taken))
    return names


def _is_taken(name: str) -> bool:
    return name in _TAKEN or keyword.iskeyword(name)


def _free(name: str, taken: set[str]) -> str:
    """`name`, or the first of `name2`, `name3`, … that is not taken; taken from then on."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}{number}", number + 1
    taken.add(free)
    return free
