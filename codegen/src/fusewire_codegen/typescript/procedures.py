"""The `Procedures` interface: a method for each procedure, a nested object for each namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from fusewire_codegen.contract import Contract, Error, Param, Procedure, is_resumable
from fusewire_codegen.typescript import jsdoc
from fusewire_codegen.typescript.declarations import WIDTH
from fusewire_codegen.typescript.documentation import describe
from fusewire_codegen.typescript.names import method_key, parameter_names, property_key, string_literal
from fusewire_codegen.typescript.types import TypeWriter, optional


class _Entry(NamedTuple):
    path: tuple[str, ...]
    procedure: Procedure
    errors: Mapping[str, Error]


class _Argument(NamedTuple):
    name: str
    """The name in the signature, which a reserved word forces to differ from the one on the wire."""
    param: Param


def declare_procedures(contract: Contract, writer: TypeWriter) -> list[str]:
    """The lines of `export interface Procedures`, after a blank one."""
    entries = [
        _Entry(tuple(name.split(".")), entry, contract["errors"])
        for name, entry in contract["procedures"].items()
    ]
    if not entries:
        return ["", "export type Procedures = Record<never, never>;"]
    members = _members(sorted(entries, key=lambda entry: entry.path), "  ", writer)
    return ["", "export interface Procedures {", *members, "}"]


def _members(entries: Sequence[_Entry], indent: str, writer: TypeWriter) -> list[str]:
    lines: list[str] = []
    for name, group in groupby(entries, key=lambda entry: entry.path[0]):
        inside = [entry._replace(path=entry.path[1:]) for entry in group]
        if inside[0].path:
            nested = _members(inside, indent + "  ", writer)
            lines += [f"{indent}{property_key(name)}: {{", *nested, f"{indent}}};"]
        else:
            lines += _method(name, inside[0], writer, indent=indent)
    return lines


def _method(name: str, entry: _Entry, writer: TypeWriter, *, indent: str) -> list[str]:
    procedure = entry.procedure
    positional = [param for param in procedure["params"] if not param["keyword"]]
    names = parameter_names(param["name"] for param in positional)
    arguments = [_Argument(name, param) for name, param in zip(names, positional, strict=True)]
    options = [param for param in procedure["params"] if param["keyword"]]
    options_name = "options"
    while options_name in names:
        options_name += "_"
    parts = _positional(arguments, any(param["required"] for param in options), writer)
    if options:
        parts.append(_options(options_name, options, writer))
    documented = [*arguments, *(_Argument(f"{options_name}.{param['name']}", param) for param in options)]
    doc = jsdoc.block(describe(procedure, documented, entry.errors), indent)
    result = _result(procedure, writer)
    key = f"{indent}{method_key(name)}"
    if is_resumable(procedure):
        # It has a method of its own: to go on with a stream instead of calling.
        return [*doc, *_signature(f"{key}: Resumable<", parts, ") => ", f"{result}>;")]
    return [*doc, *_signature(key, parts, "): ", f"{result};")]


def promise_of(procedure: Procedure) -> str:
    """The type that a method returns: what knows its errors is a `Call`."""
    if procedure["kind"] == "stream":
        return "ResumableStream" if is_resumable(procedure) else "Stream"
    return "Call" if procedure["errors"] else "Promise"


def _result(procedure: Procedure, writer: TypeWriter) -> str:
    codes = " | ".join(string_literal(code) for code in sorted(procedure["errors"]))
    return f"{promise_of(procedure)}<{writer.write(procedure['result'])}{', ' if codes else ''}{codes}>"


def _positional(arguments: Sequence[_Argument], options_required: bool, writer: TypeWriter) -> list[str]:
    # TypeScript allows `?` only where everything behind it may be left out as well.
    parts: list[str] = []
    required_behind = options_required
    for name, param in reversed(arguments):
        text = _type(param, writer)
        if param["required"]:
            parts.append(f"{name}: {text}")
        elif required_behind:
            parts.append(f"{name}: {optional(text)}")
        else:
            parts.append(f"{name}?: {text}")
        required_behind = required_behind or param["required"]
    return parts[::-1]


def _options(name: str, params: Sequence[Param], writer: TypeWriter) -> str:
    fields = [_option(param, writer) for param in params]
    mark = "" if any(param["required"] for param in params) else "?"
    return f"{name}{mark}: {{ {'; '.join(fields)} }}"


def _option(param: Param, writer: TypeWriter) -> str:
    if param.get("upload"):
        return f"{property_key(param['name'])}: {_type(param, writer)}"
    return writer.field(param["name"], param["schema"], param["required"])


def _type(param: Param, writer: TypeWriter) -> str:
    text = writer.write(param["schema"])
    if param.get("upload"):
        return f"Upload<{text}>"
    return text


def _signature(head: str, parts: list[str], between: str, result: str) -> list[str]:
    line = f"{head}({', '.join(parts)}{between}{result}"
    if len(line) <= WIDTH or not parts:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    return [f"{head}(", *(f"{indent}  {part}," for part in parts), f"{indent}{between}{result}"]
