"""Models and type expressions, by datamodel-code-generator."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fusewire_codegen.contract import Contract, Schema, reference
from fusewire_codegen.load import LoadError
from fusewire_codegen.python.schema import SchemaWriter

_ROOT = "FuseSignatures_"
_MODEL, _EVENT = "fusewire.client.typed.Model", "fusewire.client.typed.Event"


@dataclass(frozen=True)
class Models:
    """`imports` are names by module (a name may be `date as date_aliased`), `body` the classes and aliases, `types` expressions."""

    imports: dict[str, set[str]]
    body: str
    types: list[str]


def write_models(
    contract: Contract, names: Mapping[str, str], events: set[str], schemas: list[tuple[str, Schema]]
) -> Models:
    """The contract's types by their `names`, and the expression for each of `schemas`; types in `events` are events.

    Beside a schema stands a name for the class that it needs if it is an object of its own.

    Raises `LoadError` when the generator is not installed, `ContractError` for an unknown `x-fuse` value.
    """
    writer = SchemaWriter(names, contract["types"])
    types = {names[key]: writer.definition(schema) for key, schema in sorted(contract["types"].items())}
    # A class of its own is what the generator makes of a name; a name of a name it would leave out.
    wanted = {
        f"p_{place}": {
            k: v for k, v in writer.write(schema).items() if k not in ("description", "deprecated")
        }
        for place, (_, schema) in enumerate(schemas)
    }
    labels = {f"p_{place}": label for place, (label, _) in enumerate(schemas)}
    text = _generate(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": _ROOT,
            "type": "object",
            "properties": wanted,
            "required": [*wanted],
            "$defs": {name: types[name] for name in sorted(types)} | writer.keys,
        },
        {names[key]: _EVENT for key in events},
        lambda name: labels.get(name) or (name if name in types else name[:1].upper() + name[1:]),
    )
    return _split(_inlined(_by_field_names(text), [*writer.keys]), len(schemas))


def event_types(contract: Contract) -> dict[str, str]:
    """Events whose payload is a class that no other event has: the contract type of each."""
    found = {
        name: reference(event["schema"])
        for name, event in contract["events"].items()
        if isinstance(event["schema"], dict)
    }
    keys = [key for key in found.values() if key is not None and _is_class(contract["types"][key])]
    return {name: key for name, key in found.items() if key is not None and keys.count(key) == 1}


def _is_class(schema: Schema) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object" and "properties" in schema


def _generate(
    document: dict[str, Any], bases: dict[str, str | list[str]], class_name: Callable[[str], str]
) -> str:
    try:
        from datamodel_code_generator import InputFileType, PythonVersion, generate
        from datamodel_code_generator.enums import DataModelType, DefaultValueType
        from datamodel_code_generator.format import DatetimeClassType, Formatter
    except ImportError as error:
        raise LoadError(
            "a Python client needs datamodel-code-generator: the extra fusewire-codegen[python], see docs/python-client.md"
        ) from error
    with warnings.catch_warnings():
        # About its own future defaults, and about defaults that are left as they are.
        warnings.simplefilter("ignore")
        text = generate(
            json.dumps(document),
            input_file_type=InputFileType.JsonSchema,
            output_model_type=DataModelType.PydanticV2BaseModel,
            target_python_version=PythonVersion.PY_311,
            disable_timestamp=True,
            # Its own, so that the text depends on one version alone.
            formatters=[Formatter.BUILTIN],
            use_double_quotes=True,
            class_name=_ROOT,
            custom_class_name_generator=class_name,
            treat_dot_as_module=False,
            base_class=_MODEL,
            base_class_map=bases,
            use_type_alias_type=True,
            use_specialized_enum=True,
            keep_enum_member_values=True,
            strict_nullable=True,
            use_unique_items_as_set=True,
            use_tuple_for_closed_arrays=True,
            use_single_dict_for_object_maps=True,
            output_datetime_class=DatetimeClassType.Datetime,
            deserialize_default_values=[DefaultValueType.Enum],
            use_schema_description=True,
            use_field_description=True,
            use_inline_field_description=True,
            use_single_line_docstring=True,
        )
    assert isinstance(text, str), "one module"
    return text


def _by_field_names(text: str) -> str:
    """Fields are given by their own names, in constructors too: the name on the wire is only read."""
    tokens = [*tokenize.generate_tokens(io.StringIO(text).readline)]
    # Not by `splitlines`, which also splits where Python sees no line.
    lines = text.split("\n")
    for token, following in reversed([*pairwise(tokens)]):
        if token.type == tokenize.NAME and token.string == "alias" and following.string == "=":
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = f"{line[:column]}validation_alias{line[column + len('alias') :]}"
    return "\n".join(lines)


def _inlined(text: str, names: list[str]) -> str:
    """The aliases of these names are gone, and what they stood for is where they were."""
    for name in names:
        pattern = re.compile(
            rf"^{name} = TypeAliasType\(\s*\"{name}\", (.*?),?\s*\)\n*", re.MULTILINE | re.DOTALL
        )
        found = pattern.search(text)
        assert found is not None, name
        text = re.sub(rf"\b{name}\b", found[1].replace("\\", r"\\"), pattern.sub("", text))
    return text


def _split(text: str, count: int) -> Models:
    tree = ast.parse(text)
    lines = text.split("\n")
    imports: dict[str, set[str]] = {}
    body: list[str] = []
    types: dict[str, str] = {}
    for place, node in enumerate(tree.body):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                written = alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
                imports.setdefault(node.module or "", set()).add(written)
        elif isinstance(node, ast.ClassDef) and node.name == _ROOT:
            types = {
                field.target.id: ast.unparse(field.annotation)
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            }
        elif ast.unparse(node) != f"{_ROOT}.model_rebuild()":
            previous = tree.body[place - 1] if place else None
            # The text about an alias stands right behind it, as do calls behind each other.
            close = isinstance(node, ast.Expr) and isinstance(previous, ast.Expr | ast.Assign)
            body += [] if close and body else ["", ""]
            body += lines[node.lineno - 1 - len(getattr(node, "decorator_list", ())) : node.end_lineno]
    return Models(imports, "\n".join(body).strip("\n"), [types[f"p_{place}"] for place in range(count)])
