"""What each type is called: its class name, qualified only where two share it, in two variants only where the directions differ."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

REF = f"type-{secrets.token_hex(8)}:"
"""What a `$ref` begins with until the types have names; a number follows. No default or example can look like one."""

_REFS = re.compile(f'"{REF}([0-9]+)"')
_IDS = re.compile(r":[0-9]+")
_NAME_AND_ID = re.compile(r"([^\[\],\s]+):([0-9]+)")
_PATHS = re.compile(r"[^\[\],\s]+")
_UNSAID = frozenset({"Annotated", "Literal", "Optional", "Union"})


@dataclass(slots=True)
class Written:
    """A schema, and what JSON says of it."""

    schema: Any
    refs: list[str] = field(init=False)
    """The keys of the types that it refers to."""
    text: str = field(init=False)
    """The schema as JSON, without what it refers to."""

    def __post_init__(self) -> None:
        written = json.dumps(self.schema, sort_keys=True)
        self.refs = _REFS.findall(written)
        self.text = _REFS.sub("0", written)


@dataclass(slots=True)
class Definition:
    """One type in one direction."""

    key: str
    core_ref: str
    """Pydantic's: `module.Class:id`, of a generic with `[argument:id]` behind it."""
    mode: Literal["validation", "serialization"]
    written: Written
    path: str = field(init=False)
    """`module.Class[module.Argument]`: the reference without what depends on the process."""
    content: str = field(init=False, default="")
    """A hash of all that can be reached from here: the same for equal types, whatever they are called."""

    def __post_init__(self) -> None:
        self.path = _IDS.sub("", self.core_ref)


def name_types(definitions: Sequence[Definition]) -> dict[str, str]:
    """A name for each key: one name for types that are equal in every way and of one class in one place.

    Depends on what the types are, and on nothing else.
    """
    _complete_paths(definitions)
    _hash_contents({definition.key: definition for definition in definitions})
    bases = _base_names(definitions)
    families = {path: list(_families(group)) for path, group in _by_path(definitions)}
    taken = set(bases.values())
    names: dict[tuple[str, str], str] = {}
    for path in sorted(families):
        for place, family in enumerate(families[path]):
            base = bases[path] if place == 0 else _free(bases[path], taken, place + 1)
            if len(set(family)) == 1:
                names[path, family[0]] = base
                continue
            for direction, content in zip(("Input", "Output"), family, strict=True):
                joined = base + direction
                names[path, content] = _free(joined if joined not in taken else f"{base}_{direction}", taken)
    return {definition.key: names[definition.path, definition.content] for definition in definitions}


def _complete_paths(definitions: Iterable[Definition]) -> None:
    # Pydantic leaves out the modules of a generic's arguments; by their ids they are found.
    paths = {each.core_ref.rpartition(":")[2]: each.path for each in definitions if "[" not in each.core_ref}
    for each in definitions:
        origin, bracket, arguments = each.core_ref.partition("[")
        full = _NAME_AND_ID.sub(lambda found: paths.get(found[2], found[1]), arguments)
        each.path = _IDS.sub("", origin + bracket + full)


def _hash_contents(definitions: Mapping[str, Definition]) -> None:
    # Types stay equal until something that they reach tells them apart, so that types which refer to each other can be equal too.
    kinds = 0
    while (found := len({definition.content for definition in definitions.values()})) > kinds:
        kinds = found
        contents = {
            key: _digest(
                each.path,
                each.content,
                each.written.text,
                *(definitions[ref].content for ref in each.written.refs),
            )
            for key, each in definitions.items()
        }
        for key, content in contents.items():
            definitions[key].content = content


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _by_path(definitions: Iterable[Definition]) -> Iterator[tuple[str, list[Definition]]]:
    groups: dict[str, list[Definition]] = defaultdict(list)
    for definition in definitions:
        groups[definition.path].append(definition)
    yield from groups.items()


_Family = tuple[str, ...]
"""The contents of one class: as it comes in, then as it goes out; one of them where only one direction is used."""


def _families(group: Sequence[Definition]) -> Iterator[_Family]:
    given = sorted({each.content for each in group if each.mode == "validation"})
    made = sorted({each.content for each in group if each.mode == "serialization"})
    if len(given) < 2 and len(made) < 2:
        yield (*given, *made)
        return
    # Classes that a function or `create_model` made under one name: what they say has to order them.
    text = {each.content: each.written.text for each in group}
    classes: dict[str, dict[str, str]] = defaultdict(dict)
    for each in group:
        classes[each.core_ref][each.mode] = each.content
    families = {
        tuple(own[mode] for mode in ("validation", "serialization") if mode in own)
        for own in classes.values()
    }
    seen: set[str] = set()
    for family in sorted(
        families, key=lambda family: (-len(family), [(text[part], part) for part in family])
    ):
        if not seen.issuperset(family):
            seen.update(family)
            yield family


def _base_names(definitions: Iterable[Definition]) -> dict[str, str]:
    """A name for each path, the same for both directions. Generics come last: they are named after their arguments."""
    paths = sorted({definition.path for definition in definitions})
    names = _distinct(
        {path: _Wanted.of(path, _words(path.rpartition(".")[2])) for path in paths if "[" not in path}, set()
    )
    generic: dict[str, _Wanted] = {}
    for path in paths:
        origin, bracket, arguments = path.partition("[")
        if bracket:
            said = _PATHS.sub(lambda found: names.get(found[0], found[0].rpartition(".")[2]), arguments)
            name = names.get(origin, _words(origin.rpartition(".")[2])) + _words(said, joined=True)
            generic[path] = _Wanted.of(origin, name)
    return names | _distinct(generic, set(names.values()))


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    place: tuple[str, ...]
    """Where the class is: the parts of its module, then the classes and functions around it."""

    @classmethod
    def of(cls, path: str, name: str) -> _Wanted:
        return cls(
            name, tuple(_words(part, joined=True) for part in path.split(".")[:-1] if part != "<locals>")
        )

    def qualified(self, parts: int) -> str:
        return "".join(self.place[-parts:]) + self.name


def _distinct(wanted: Mapping[str, _Wanted], taken: set[str]) -> dict[str, str]:
    """The name itself where it is the only one, else with the fewest parts of its place in front that tell it from the others."""
    groups: dict[str, list[str]] = defaultdict(list)
    for path in sorted(wanted):
        groups[wanted[path].name].append(path)
    names: dict[str, str] = {}
    clashing: list[str] = []
    for name, paths in groups.items():
        if len(paths) == 1 and name not in taken:
            names[paths[0]] = name
        else:
            clashing += paths
    used = taken | set(names.values())
    for path in sorted(clashing):
        own = wanted[path]
        others = [wanted[other] for other in groups[own.name] if other != path]
        most = max(len(each.place) for each in (own, *others))
        choices = (
            own.qualified(parts)
            for parts in range(1, most + 1)
            if all(own.qualified(parts) != other.qualified(parts) for other in others)
        )
        free = next((name for name in choices if name not in used), None)
        names[path] = free or _free(own.name, used)
        used.add(names[path])
    return names


def _free(name: str, taken: set[str], number: int = 1) -> str:
    """The name, with a number behind it if it is taken; taken from now on."""
    free = name if number == 1 else f"{name}{number}"
    while free in taken:
        number += 1
        free = f"{name}{number}"
    taken.add(free)
    return free


def _words(text: str, *, joined: bool = False) -> str:
    """An identifier stays what it is; anything else, and a part of a name, has its words joined: `list[str]` is `ListStr`."""
    if text.isidentifier() and not joined:
        return text
    words = [
        word for word in re.split(r"[\W_]+" if joined else r"\W+", text.replace("NoneType", "None")) if word
    ]
    name = "".join(word[0].upper() + word[1:] for word in words if word not in _UNSAID)
    return name if joined or name.isidentifier() else f"Type{name}"
