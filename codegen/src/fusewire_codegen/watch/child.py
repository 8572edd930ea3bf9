"""The child: imports the user's code in a process of its own and answers with the contract or the error."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from fusewire_codegen.failure import describe
from fusewire_codegen.load import Target, framework_folders, load
from fusewire_codegen.project import Project
from fusewire_codegen.watch import frames
from fusewire_codegen.watch.frames import Message
from fusewire_codegen.watch.imports import Imported, Recorder, files_of

BACKGROUND_NICENESS = 5


def run(request: Message, replies: int, begin: Callable[[], object] | None = None) -> None:
    """Answer `request` on the descriptor `replies` and end the process, without the user's exit handlers.

    `begin` completes what is imported already; without it nothing of the user's is.
    """
    # Whoever loads an app keeps nearly all that it makes, and the process ends right after: so no collecting.
    gc.disable()
    if request.get("background"):
        os.nice(BACKGROUND_NICENESS)
    with silence() if request.get("background") else nullcontext():
        reply = answer(request, begin)
    frames.write(replies, reply)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def answer(request: Message, begin: Callable[[], object] | None = None) -> bytes:
    """A `contract` message, or an `error` message with the text to show, as a frame."""
    project = Project(Path(request["root"]), framework_folders())
    before = frozenset(sys.modules)
    recorder = Recorder()
    started = time.process_time()
    try:
        with nullcontext() if begin else recorder:
            if begin:
                begin()
            loaded = load(Target.parse(request["target"]), project.root)
        reply = {
            "kind": "contract",
            "id": request["id"],
            "contract": loaded.contract,
            "source": str(loaded.source),
        }
        if begin is None:
            seconds = time.process_time() - started
            reply |= _imported(before, recorder, project) | {"seconds": seconds}
        return frames.encode(reply)
    except BaseException as error:  # noqa: BLE001 — the user's code may raise anything, `SystemExit` too.
        return frames.encode({"kind": "error", "id": request["id"], "text": describe(error, project)})


def _imported(before: Collection[str], recorder: Recorder, project: Project) -> Message:
    """Modules since `before`, in the order of import: the installed ones to preload, and the user's with what they imported."""
    new = [(name, file) for name in sys.modules if name not in before for file in files_of([name])]
    return {
        "modules": [name for name, file in new if not project.is_below(file)],
        "imported": [
            Imported(name, os.path.realpath(file), sorted(recorder.imports[name]))
            for name, file in new
            if project.is_below(file)
        ],
    }


@contextmanager
def silence() -> Iterator[None]:
    """What is printed inside, by the user's code as it is imported, was printed before."""
    streams = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with open(os.devnull, "w") as nothing:  # noqa: PTH123 — a device, not a path of ours.
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        for place, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, place)
            os.close(descriptor)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]), int(sys.argv[2]))
