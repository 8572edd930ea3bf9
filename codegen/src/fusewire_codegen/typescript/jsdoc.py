"""JSDoc blocks: any docstring in, a comment that cannot end early out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fusewire_codegen.contract import Param, Schema

_CONSTRAINTS = (
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
_MAX_DEFAULT_LENGTH = 60
_TAG = re.compile(r"^(\s*)@")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


def block(lines: Sequence[str], indent: str = "") -> list[str]:
    """The lines of one JSDoc comment; no lines at all when there is nothing to say."""
    safe = [part for line in lines for part in _safe_lines(line)]
    while safe and not safe[-1]:
        safe.pop()
    if not safe:
        return []
    if len(safe) == 1:
        return [f"{indent}/** {safe[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in safe), f"{indent} */"]


def prose(text: str) -> list[str]:
    """The lines of a text by a person. A line that begins with `@` would be read as a tag."""
    return [_TAG.sub(r"\1\@", line) for line in text.splitlines()]


def of_schema(schema: Schema) -> list[str]:
    """What a schema says beside its type, a tag to a line: description, constraints, default, deprecation."""
    if not isinstance(schema, dict):
        return []
    lines = prose(schema.get("description") or "")
    lines += [f"@{name} {text}".rstrip() for name, text in constraints(schema).items()]
    if (default := default_text(schema)) is not None:
        lines.append(f"@default {default}")
    if schema.get("deprecated"):
        lines.append("@deprecated")
    return lines


def of_parameter(name: str, param: Param, said: str = "") -> list[str]:
    """The `@param` line of one parameter, or nothing when only its type is known. `said` is the docstring's word on it.

    Of an upload, what the schema says holds for each item.
    """
    schema = param["schema"]
    details = [f"{key} {text}".rstrip() for key, text in constraints(schema).items()]
    if (default := default_text(param)) is not None:
        details.append(f"default {default}")
    text = param.get("doc") or said or (schema.get("description", "") if isinstance(schema, dict) else "")
    parts = [_one_line(text)] if text else []
    if param.get("upload"):
        parts.insert(0, "Sent item by item, as fast as Python reads.")
        details[:1] = [f"each: {detail}" for detail in details[:1]]
    parts += [f"({', '.join(details)})"] if details else []
    return [f"@param {name} - {' '.join(parts)}"] if parts else []


def tag(name: str, text: str) -> str:
    """One tag, on one line."""
    return f"@{name} {_one_line(text)}".rstrip()


def constraints(schema: Schema) -> dict[str, str]:
    """The bounds that the type cannot express, by keyword. Of `T | None` they are those of `T`."""
    inner = _only_non_null(schema)
    if not isinstance(inner, dict) or "$ref" in inner:
        return {}
    # A tuple's length is in its type.
    implied = ("minItems", "maxItems") if "prefixItems" in inner or inner.get("maxItems") == 0 else ()
    found = {name: _plain_text(inner[name]) for name in _CONSTRAINTS if name in inner and name not in implied}
    if "format" in inner and "x-fuse" not in inner:
        found["format"] = str(inner["format"])
    return found


def default_text(source: Mapping[str, Any]) -> str | None:
    """The default as JSON; None when there is none, it is null (the type says so), or too long to read."""
    if source.get("default") is None:
        return None
    text = json.dumps(source["default"], ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _MAX_DEFAULT_LENGTH else None


def _only_non_null(schema: Schema) -> Schema:
    if not isinstance(schema, dict) or "anyOf" not in schema:
        return schema
    parts = [part for part in schema["anyOf"] if part != {"type": "null"}]
    return parts[0] if len(parts) == 1 else schema


def _plain_text(value: object) -> str:
    if value is True:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _one_line(text: str) -> str:
    return " ".join(part for line in _safe_lines(text) if (part := line.strip()))


def _safe_lines(text: str) -> list[str]:
    # str.splitlines also splits at U+2028 and U+2029, which end a line in JavaScript.
    lines = [_UNPRINTABLE.sub("\ufffd", line) for line in text.splitlines()]
    return [line.replace("*/", "*\\/").rstrip() for line in lines] or [""]
