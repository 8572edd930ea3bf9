"""The client class: a method for each procedure, a class for each namespace, and what they say about the wire."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fusewire_codegen.contract import Contract, ContractError, Param, Procedure, is_resumable, is_retried
from fusewire_codegen.python.names import member_name, parameter_names
from fusewire_codegen.python.text import bracketed, docstring, string

_MAX_DEFAULT_LENGTH = 60
_VERBS = {"Stream": "stream", "ResumableStream": "resumable"}


@dataclass
class Entry:
    """A procedure with the expressions for its types."""

    name: str
    procedure: Procedure
    params: list[str]
    result: str

    @property
    def constant(self) -> str:
        """What the file calls its description. Never two underscores first: inside a class that would be another name."""
        return f"_{self.procedure['kind']}_{self.name.replace('.', '_dot_')}"


@dataclass
class Group:
    """What is in one namespace, the client itself being the outermost."""

    path: tuple[str, ...]
    entries: list[Entry] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """`TeamsMembersProcedures` for `teams.members`; nothing that is made of a type's name ends like that."""
        if not self.path:
            return "Client"
        return "".join(part[:1].upper() + part[1:] for part in self.path) + "Procedures"


def grouped(entries: list[Entry]) -> Group:
    """The entries by namespace, sorted."""
    root = Group(())
    for entry in sorted(entries, key=lambda entry: entry.name.split(".")):
        group = root
        for part in entry.name.split(".")[:-1]:
            group = group.groups.setdefault(part, Group((*group.path, part)))
        group.entries.append(entry)
    return root


def declare_constants(entries: list[Entry], contract: Contract) -> list[str]:
    """A line for each procedure: what its methods say about the wire."""
    lines: list[str] = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        kind = "Call" if entry.procedure["kind"] == "call" else "StreamCall"
        head = f"{entry.constant}: {kind}[{entry.result}] = {kind}("
        lines += bracketed(head, [*_description(entry, contract["api_prefix"])], ")")
    return lines


def declare_classes(group: Group, errors: Mapping[str, str], source: str) -> list[str]:
    """The class of each namespace, inner ones first, and `Client`."""
    lines: list[str] = []
    for inner in group.groups.values():
        lines += declare_classes(inner, errors, source)
    members = [member_name(entry.name.split(".")[-1]) for entry in group.entries]
    used = {"default", "resumable"} | {
        name for entry in group.entries for text in _types(entry) for name in _names(text)
    }
    aliases = {name: f"{name}_" for name in sorted(used & {*members})}
    if aliases:
        # In the class they are methods: annotations have to say it otherwise.
        lines += ["", "", *(f"{alias} = {name}" for name, alias in aliases.items())]
    base = "Namespace" if group.path else "BaseClient"
    what = f"Procedures of `{'.'.join(group.path)}`." if group.path else f"The procedures of {source}."
    lines += ["", "", f"class {group.class_name}({base}):", *docstring([what], "    ")]
    if group.groups:
        lines += ["", "    def __init__(self, caller: Caller) -> None:", "        super().__init__(caller)"]
        lines += [
            f"        self.{member_name(name)} = {inner.class_name}(caller)"
            for name, inner in group.groups.items()
        ]
    for member, entry in zip(members, group.entries, strict=True):
        lines += ["", *_method(member, entry, errors, aliases)]
    return lines


def _description(entry: Entry, prefix: str) -> Iterator[str]:
    procedure = entry.procedure
    yield f"name={string(entry.name)}"
    yield f"result={entry.result}"
    positional = [string(param["name"]) for param in procedure["params"] if not param["keyword"]]
    if positional:
        yield f"args=({', '.join(positional)}{',' if len(positional) == 1 else ''})"
    if http := procedure.get("http"):
        if not http["path"].startswith(prefix):
            raise ContractError(f"procedures.{entry.name}.http.path: {http['path']} is not below {prefix}")
        yield f"http={string(http['method'] + ' ' + http['path'].removeprefix(prefix))}"
        if http["body"] in ("single", "form"):
            yield f"body={string(http['body'])}"
    for param in procedure["params"]:
        if param.get("upload"):
            yield f"upload={string(param['name'])}"
    if is_retried(procedure):
        yield "retry=True"
        if "dedupe" in procedure:
            yield "dedupe=True"
    if "websocket" not in procedure["transports"]:
        yield "only_http=True"


def _method(member: str, entry: Entry, errors: Mapping[str, str], aliases: Mapping[str, str]) -> list[str]:
    procedure = entry.procedure
    stream = _stream(entry)
    params = procedure["params"]
    names = parameter_names(param["name"] for param in params)
    shown = ["self", *_signature(params, names, [_renamed(text, aliases) for text in entry.params], aliases)]
    result = _renamed(entry.result, aliases)
    head = f"    {'def' if stream else 'async def'} {member}("
    lines = []
    if stream == "ResumableStream":
        lines.append(f"    @{aliases.get('resumable', 'resumable')}({entry.constant})")
    if procedure.get("deprecated"):
        lines.append('    @deprecated("The server deprecates this procedure.")')
    lines += bracketed(head, shown, f") -> {f'{_renamed(stream, aliases)}[{result}]' if stream else result}:")
    lines += docstring(_doc(procedure, names, errors), "        ")
    values = [f"{string(param['name'])}: {name}" for param, name in zip(params, names, strict=True)]
    verb = f"self._fuse.{_VERBS[stream]}" if stream else "await self._fuse.call"
    call = f"        return {verb}({entry.constant}, {{"
    return [*lines, *bracketed(call, values, "})")]


def _stream(entry: Entry) -> str:
    """The type of what it returns; empty for a procedure that answers once."""
    procedure = entry.procedure
    if procedure["kind"] != "stream":
        return ""
    return "ResumableStream" if is_resumable(procedure) else "Stream"


def _signature(
    params: list[Param], names: list[str], types: list[str], aliases: Mapping[str, str]
) -> list[str]:
    """As in Python; where a required parameter follows one with a default, both have to be given by name."""
    last_required = max(
        (place for place, param in enumerate(params) if param["required"] and not param["keyword"]),
        default=-1,
    )
    gap = next((place for place, param in enumerate(params) if not param["required"]), len(params))
    positional: list[str] = []
    keyword: list[str] = []
    for place, (param, name, text) in enumerate(zip(params, names, types, strict=True)):
        text = f"Source[{text}]" if param.get("upload") else text
        part = f"{name}: {text}" if param["required"] else f"{name}: {text} = {_default(param, aliases)}"
        by_name = param["keyword"] or (gap < last_required and place >= gap)
        (keyword if by_name else positional).append(part)
    return [*positional, *(["*"] if keyword else []), *keyword]


def _default(param: Param, aliases: Mapping[str, str]) -> str:
    maker = aliases.get("default", "default")
    if "default" not in param:
        return f"{maker}()"
    value = param["default"]
    shown = string(value) if isinstance(value, str) else repr(value)
    # Nothing that Python would not read back, such as an infinite number.
    readable = json.dumps(value) not in ("NaN", "Infinity", "-Infinity")
    return f"{maker}({shown})" if readable and len(shown) <= _MAX_DEFAULT_LENGTH else f"{maker}()"


def _doc(procedure: Procedure, names: list[str], errors: Mapping[str, str]) -> list[str]:
    lines = procedure.get("doc", "").splitlines()
    described = [
        f"{name}: {' '.join(param['doc'].split())}"
        for name, param in zip(names, procedure["params"], strict=True)
        if param.get("doc")
    ]
    if described:
        lines += [*([""] if lines else []), *described]
    if most := procedure.get("max_bytes"):
        lines += [*([""] if lines else []), f"The arguments of a call take at most {most:,} bytes."]
    if is_retried(procedure):
        lines += [*([""] if lines else []), "When no answer comes it is sent again, up to three times."]
    if procedure["errors"]:
        raised = ", ".join(f"`{errors[code]}`" for code in sorted(procedure["errors"]))
        lines += [*([""] if lines else []), f"Raises {raised}."]
    return lines


def _types(entry: Entry) -> list[str]:
    return [*entry.params, entry.result, _stream(entry) or "None", "Source"]


def _names(expression: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}


def _renamed(expression: str, aliases: Mapping[str, str]) -> str:
    if not aliases:
        return expression
    tree = ast.parse(expression, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = aliases.get(node.id, node.id)
    return ast.unparse(tree)
