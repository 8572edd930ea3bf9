"""The child: imports the user's code in a process of its own and answers with the contract or the error."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from types import ModuleType

from fusewire_codegen.failure import describe
from fusewire_codegen.load import Target, framework_folders, load
from fusewire_codegen.project import Project
from fusewire_codegen.watch import frames
from fusewire_codegen.watch.frames import Message


def run(request: Message, replies: int) -> None:
    """Answer `request` on the descriptor `replies` and end the process, without the user's exit handlers."""
    # Whoever loads an app keeps nearly all that it makes, and the process ends right after: so no collecting.
    gc.disable()
    frames.write(replies, frames.encode(answer(request)))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def answer(request: Message) -> Message:
    """A `contract` message, or an `error` message with the text to show."""
    project = Project(Path(request["root"]), framework_folders())
    before = frozenset(sys.modules)
    reply: Message = {"id": request["id"]}
    try:
        loaded = load(Target.parse(request["target"]), project.root)
        json.dumps(loaded.contract)
    except BaseException as error:  # noqa: BLE001 — the user's code may raise anything, `SystemExit` too.
        return reply | {"kind": "error", "text": describe(error, project)}
    found = {"source": str(loaded.source), "modules": installed_modules(before, project)}
    return reply | {"kind": "contract", "contract": loaded.contract} | found


def installed_modules(before: frozenset[str], project: Project) -> list[str]:
    """The modules imported since `before` that are not the user's, in the order of import."""
    return [
        name
        for name, module in sys.modules.items()
        if name not in before and (file := module_file(module)) and not project.is_below(file)
    ]


def module_file(module: ModuleType | None) -> Path | None:
    """Where `module` was loaded from, or None for one without a file (built in, or made up at run time)."""
    file = getattr(module, "__file__", None)
    return Path(file) if isinstance(file, str) else None


if __name__ == "__main__":
    run(json.loads(sys.argv[1]), int(sys.argv[2]))
