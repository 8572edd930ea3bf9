"""The descriptor: the call shapes that the client needs at run time, the parts of it that they need, and no types."""

from __future__ import annotations

from fusewire_codegen.contract import Contract, ContractError, Procedure, is_resumable, is_retried
from fusewire_codegen.typescript.names import property_key, string_literal


def declare_descriptor(contract: Contract) -> list[str]:
    """The lines of `const descriptor`, after a blank one. Raises `ContractError` for a path elsewhere."""
    prefix = contract["api_prefix"]
    entries = [
        f"    {property_key(name)}: {{ {_entry(name, procedure, prefix)} }},"
        for name, procedure in sorted(contract["procedures"].items())
    ]
    return [
        "",
        "const descriptor = {",
        f"  calls: {string_literal(contract['calls'])},",
        f"  ws: {string_literal(contract['ws_path'])},",
        f"  api: {string_literal(prefix)},",
        *(["  procedures: {", *entries, "  },"] if entries else ["  procedures: {},"]),
        # What is passed here a bundler keeps; a page loads HTTP when it first calls over it.
        '  http: () => import("@fusewire/client/http"),',
        *(["  uploads,"] if has_uploads(contract) else []),
        *(["  recovery,"] if contract["events"] else []),
        *(["  upkeep,"] if needs_upkeep(contract) else []),
        "} as const;",
    ]


def has_uploads(contract: Contract) -> bool:
    """Whether a procedure takes a stream, so that the client's part for it has to be imported."""
    procedures = contract["procedures"].values()
    return any(param.get("upload") for procedure in procedures for param in procedure["params"])


def has_resumable(contract: Contract) -> bool:
    """Whether a stream can be resumed, so that the client's part for it has to be imported."""
    return any(map(is_resumable, contract["procedures"].values()))


def needs_upkeep(contract: Contract) -> bool:
    """Whether somebody waits for the server, or is known to it, so that a connection is worth keeping up between calls."""
    procedures = contract["procedures"].values()
    known = any(procedure["auth"] for procedure in procedures)
    return known or bool(contract["events"]) or has_resumable(contract)


def has_retried(contract: Contract) -> bool:
    """Whether a call may be sent again, so that the client's part for it has to be imported."""
    return any(map(is_retried, contract["procedures"].values()))


def _entry(name: str, procedure: Procedure, prefix: str) -> str:
    positional = [param["name"] for param in procedure["params"] if not param["keyword"]]
    parts = [f"args: [{', '.join(string_literal(arg) for arg in positional)}]"]
    if http := procedure.get("http"):
        path = _below(http["path"], prefix, name)
        parts.append(f"http: {string_literal(http['method'] + ' ' + path)}")
        if http["body"] in ("single", "form"):
            parts.append(f"body: {string_literal(http['body'])}")
    if procedure["kind"] == "stream":
        parts.append("stream: true")
    if is_resumable(procedure):
        parts.append("resume: resuming")
    if is_retried(procedure):
        parts.append("retry: retrying")
        parts += ["dedupe: true"] if "dedupe" in procedure else []
    parts += [
        f"upload: {string_literal(param['name'])}" for param in procedure["params"] if param.get("upload")
    ]
    if "websocket" not in procedure["transports"]:
        parts.append('via: "http"')
    return ", ".join(parts)


def _below(path: str, prefix: str, name: str) -> str:
    if not path.startswith(prefix):
        raise ContractError(f"procedures.{name}.http.path: {path} is not below {prefix}")
    return path.removeprefix(prefix)
