"""What a method's comment says: the docstring, then a tag for each parameter, the result and each error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fusewire_codegen.contract import Error, Param, Procedure, is_retried
from fusewire_codegen.typescript import docstring, jsdoc


def describe(
    procedure: Procedure, arguments: Sequence[tuple[str, Param]], errors: Mapping[str, Error]
) -> list[str]:
    """The lines of a method's comment. `arguments` are its parameters by their names in TypeScript, `errors` the contract's."""
    said = docstring.parse(procedure.get("doc", ""))
    paragraphs = [said.text, _needs(procedure), _bound(procedure), _retries(procedure)]
    text = [line for part in paragraphs if part for line in ("", *jsdoc.prose(part))][1:]
    tags = [
        line
        for name, param in arguments
        for line in jsdoc.of_parameter(name, param, said.params.get(param["name"], ""))
    ]
    if said.returns:
        tags.append(jsdoc.tag("returns", said.returns))
    raises = {_code_of(name): why for name, why in said.raises.items()}
    for code in sorted(procedure["errors"]):
        why = raises.get(code) or errors[code].get("doc", "").partition("\n\n")[0]
        tags.append(jsdoc.tag("throws", f"{code} - {why}" if why else code))
    if procedure.get("deprecated"):
        tags.append("@deprecated")
    # A blank line, so that a Markdown list or code block at the end of the text is closed.
    return [*text, "", *tags] if text and tags else [*text, *tags]


def _needs(procedure: Procedure) -> str:
    if scopes := procedure["scopes"]:
        return (
            f"Needs the scope{'s'[: len(scopes) - 1]} {', '.join(f'`{scope}`' for scope in sorted(scopes))}."
        )
    return "Needs an identity." if procedure["auth"] else ""


def _bound(procedure: Procedure) -> str:
    most = procedure.get("max_bytes")
    return f"The arguments of a call take at most {most:,} bytes." if most else ""


def _retries(procedure: Procedure) -> str:
    return "When no answer comes it is sent again, up to three times." if is_retried(procedure) else ""


def _code_of(name: str) -> str:
    """The code that an error has by default: `BUDGET_SPENT` of `app.BudgetSpent`."""
    last = name.rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", last).upper()
