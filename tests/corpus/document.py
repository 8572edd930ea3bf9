"""`python -m tests.corpus.document [--check]`: writes docs/types.md from the corpus."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import get_type_hints, is_typeddict

from tests.corpus.collection import THEMES, themes
from tests.corpus.entry import Big, Entry, Refused, entries_of, refused_of

FILE = Path(__file__).parents[2] / "docs" / "types.md"
_LONGEST = 90
_SQLMODELS = ("registry", "from_attributes", "read_from_attributes", "read_with_orm_mode")
"""Configuration that is not the author's."""
_HEAD = """\
# Types

What a Python type is in TypeScript, in JSON (REST, JSONL, server-sent events) and in msgpack (WebSocket, and HTTP between Fusewire's own
clients). Every line is an entry of `tests/corpus/`, and tested: the TypeScript by the compiler, the values by sending them to a TypeScript
client and to REST callers and back. This file is made by `python -m tests.corpus.document`.

Where two types stand, the first is what goes in and the second what comes out: arguments are what pydantic validates, results what it
serialises; so with values that are sent in another form than they come in. The column of msgpack is empty where it holds what JSON holds;
`b'…'` is bin, and `timestamp` the timestamp extension.

Names: a class keeps its name. Where two classes share it, each has the fewest parts of its module in front that tell them apart
(`shop.Account` and `office.Account` are `ShopAccount` and `OfficeAccount`). `Page[Item]` is `PageItem`. A type that differs by direction is
`ItemInput` and `ItemOutput`; one that does not is one type. Nothing depends on the order of imports or the hash seed.
"""
_TABLE = "| Python | TypeScript | JSON | msgpack | why |\n|---|---|---|---|---|\n"
_REFUSED = """\
## Refused

What no client could give or read is refused when the procedure is registered, and the error names the function, the file and the line.

| Python | instead |
|---|---|
"""


def document() -> str:
    """The text of docs/types.md."""
    parts, refused = [_HEAD], ""
    for module in themes(THEMES):
        if entries := entries_of(module):
            title = (module.__doc__ or "").partition("\n")[0].rstrip(".")
            parts.append(f"## {title}\n\n{_TABLE}{''.join(map(_row, entries))}")
        refused += "".join(f"| {_code(_python(each))} | {each.instead} |\n" for each in refused_of(module))
    return "\n".join([*parts, _REFUSED + refused])


def _row(entry: Entry) -> str:
    sample = next((each for each in entry.samples if each.json not in (None, "", [], {})), entry.samples[0])
    cells = (
        _python(entry),
        _way(entry.given, entry.made),
        _way(_json(sample.json_given), _json(sample.json)),
        ""
        if sample.msgpack is sample.json
        else _way(_msgpack(sample.msgpack_given), _msgpack(sample.msgpack)),
    )
    return f"| {' | '.join(map(_code, cells))} | {entry.why} |\n"


def _way(given: str, made: str) -> str:
    return given if given == made else f"{given} → {made}"


def _code(text: str) -> str:
    if not text:
        return ""
    text = text.replace("|", "\\|")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _json(value: Any) -> str:
    return _short(json.dumps(value))


def _msgpack(value: Any) -> str:
    match value:
        case datetime():
            return f"timestamp {value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        case bytes():
            return repr(value)
        case Big():
            return f"extension 1 {str(int(value))!r}"
        case list():
            return f"[{', '.join(map(_msgpack, value))}]"
        case dict():
            return f"{{{', '.join(f'{json.dumps(key)}: {_msgpack(item)}' for key, item in value.items())}}}"
    return json.dumps(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _python(entry: Entry | Refused) -> str:
    if entry.written:
        return entry.written
    annotation = entry.annotation
    declared = _fields(annotation)
    name = _type(annotation) + _config(annotation)
    return _short(f"{name}: {', '.join(declared)}") if declared else name


def _config(cls: Any) -> str:
    config = getattr(cls, "model_config", None) or getattr(cls, "__pydantic_config__", None) or {}
    said = {
        key: value
        for key, value in config.items()
        if key not in ("table", "registry", "read_from_attributes")
    }
    shown = (f"{key}={getattr(value, '__name__', repr(value))}" for key, value in said.items())
    return f"({', '.join(shown)})" if said else ""


def _fields(cls: Any) -> list[str] | None:
    """What a class declares, as its author wrote it; None for what has no fields."""
    if not isinstance(cls, type):
        return None
    if issubclass(cls, BaseModel):
        return [
            f"{name}: {_type(field.annotation)}{'' if field.is_required() else ' = …'}"
            for name, field in cls.model_fields.items()
        ]
    if is_typeddict(cls) or is_dataclass(cls) or hasattr(cls, "_fields"):
        return [f"{name}: {_type(hint)}" for name, hint in get_type_hints(cls, include_extras=True).items()]
    if issubclass(cls, Enum):
        return [f"{name} = {member.value!r}" for name, member in cls.__members__.items()]
    return None


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if origin is Annotated:
        return f"Annotated[{_type(arguments[0])}, {', '.join(_said(each) for each in arguments[1:])}]"
    if origin in (Union, UnionType):
        return " | ".join(map(_type, arguments))
    if origin is Literal:
        return (
            f"Literal[{', '.join(str(each) if isinstance(each, Enum) else repr(each) for each in arguments)}]"
        )
    if origin is not None:
        inside = ", ".join(map(_type, arguments)) or "()"
        return f"{_type(origin)}[{inside}]"
    if isinstance(annotation, list):
        return f"[{', '.join(map(_type, annotation))}]"
    if annotation is ...:
        return "..."
    return str(getattr(annotation, "__name__", annotation))


def _said(remark: Any) -> str:
    if isinstance(remark, FieldInfo):
        # What `Field` was called with; pydantic has no public name for it.
        said = {**dict(_details(remark.metadata)), **remark._attributes_set}
        return f"Field({', '.join(f'{key}={value!r}' for key, value in said.items() if key != 'annotation')})"
    if details := list(_details([remark])):
        return f"{type(remark).__name__}({', '.join(f'{key}={value!r}' for key, value in details)})"
    return "..."


def _details(metadata: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for each in metadata:
        names = [own.name for own in fields(each)] if is_dataclass(each) else getattr(each, "__dict__", ())
        for name in names:
            value = getattr(each, name)
            if value is not None and not callable(value):
                yield name, value


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.document", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when the file is not current"
    )
    text = document()
    if not parser.parse_args(arguments).check:
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        sys.stderr.write("docs/types.md is not current: run python -m tests.corpus.document\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
