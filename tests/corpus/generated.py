"""The TypeScript of the corpus, and what must hold in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fusewire import Fuse
from fusewire_codegen.contract import validate
from fusewire_codegen.typescript import render

from tests.corpus.entry import Entry

BRANDED = ("Decimal", "Duration", "NaiveDatetime", "PlainDate", "PlainTime", "Stream", "UUID")
_NAME = re.compile(r"(?<![\"'\w])[^\W\d]\w*")
_EXPORTED = re.compile(r"^export (?:interface|type|const) (\w+)", re.MULTILINE)
_HEAD = """\
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Expect<Holds extends true> = Holds;
type In<Name extends keyof Procedures> = Parameters<Procedures[Name]> extends [value: infer Value] ? Value : "not one argument";
type Out<Name extends keyof Procedures> = Awaited<ReturnType<Procedures[Name]>>;
type Item<Name extends keyof Procedures> = ReturnType<Procedures[Name]>;
"""


@dataclass(frozen=True)
class Assertions:
    """A file of assertions, and which line is whose."""

    text: str
    lines: dict[int, str]


def source_of(fuse: Fuse) -> str:
    return render(validate(fuse.contract()), "tests.corpus.app:app")


def assertions(entries: Iterable[Entry], source: str) -> Assertions:
    """One line for each promise of an entry: the argument, the result, and the item of a stream."""
    checks: list[tuple[str, str]] = []
    for entry in entries:
        checks += [
            (entry.name, f'Equal<In<"echo_{entry.name}">, {entry.given}>'),
            (entry.name, f'Equal<Out<"echo_{entry.name}">, {entry.made}>'),
            (entry.name, f'Equal<Item<"items_{entry.name}">, Stream<{entry.made}>>'),
        ]
    said = {name for _, check in checks for name in _NAME.findall(check)}
    generated = [name for name in sorted(set(_EXPORTED.findall(source))) if name in said]
    branded = [name for name in BRANDED if name in said and name not in generated]
    imports = (
        f'import type {{ Procedures, {", ".join(generated)} }} from "./fuse";\n'
        f'import type {{ {", ".join(branded)} }} from "@fusewire/client";\n'
    )
    head = imports + _HEAD
    first = head.count("\n") + 1
    body = [f"export type _{place} = Expect<{check}>;" for place, (_, check) in enumerate(checks)]
    lines = {first + place: name for place, (name, _) in enumerate(checks)}
    return Assertions(head + "\n".join(body) + "\n", lines)


def blamed(complaints: Iterable[str], file: Path, lines: dict[int, str]) -> dict[str, list[str]]:
    """The compiler's complaints by entry; what is nobody's is under the empty name."""
    found: dict[str, list[str]] = {}
    for complaint in complaints:
        place = re.search(rf"{re.escape(file.name)}\((\d+),", complaint)
        found.setdefault(lines.get(int(place[1]), "") if place else "", []).append(complaint)
    return found
