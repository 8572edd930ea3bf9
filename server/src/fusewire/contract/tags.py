"""The field that tells the members of a union apart: pydantic asks for it even where it has a default."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from fusewire.contract.naming import REF, Definition, Written


def with_required_tags(definitions: Sequence[Definition], schemas: Iterable[Written]) -> list[Definition]:
    """The same, where a member of a discriminated union requires its tag: without it no member would be chosen.

    JSON Schema cannot say that of the union alone, so it holds wherever the type is used.
    """
    tags: dict[str, set[str]] = defaultdict(set)
    everywhere = [*schemas, *(each.written for each in definitions)]
    unions = [written.schema for written in everywhere if '"discriminator"' in written.text]
    for discriminator in _discriminators(unions):
        for member in discriminator["mapping"].values():
            tags[member.removeprefix(REF)].add(discriminator["propertyName"])
    return [
        replace(each, written=Written(_requiring(each.written.schema, tags[each.key])))
        if each.key in tags
        else each
        for each in definitions
    ]


def _requiring(schema: Any, tags: set[str]) -> Any:
    properties = schema.get("properties", {})
    required = {*schema.get("required", ()), *(tags & properties.keys())}
    return {
        **schema,
        "properties": {
            name: {key: value for key, value in part.items() if key != "default" or name not in tags}
            for name, part in properties.items()
        },
        "required": [name for name in properties if name in required],
    }


def _discriminators(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, list):
        for each in part:
            yield from _discriminators(each)
    elif isinstance(part, dict):
        found = part.get("discriminator")
        if isinstance(found, dict) and isinstance(found.get("mapping"), dict) and "oneOf" in part:
            yield found
        for each in part.values():
            yield from _discriminators(each)
