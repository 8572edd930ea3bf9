"""The `fusewire` command."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from fusewire_codegen import files, generate
from fusewire_codegen.contract import ContractError
from fusewire_codegen.failure import describe
from fusewire_codegen.generate import Job
from fusewire_codegen.load import Loaded, LoadError, Target, framework_folders, load
from fusewire_codegen.project import Project

OK, STALE, FAILED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: those of the process) and return its exit status.

    0: done. 1: `--check` found a file that is not up to date. 2: the app does not load, or wrong arguments.
    """
    options = _parser().parse_args(arguments)
    try:
        target = Target.parse(options.target)
        job = Job(target, _absolute(options.output), _absolute_or_none(options.contract))
        if options.watch:
            from fusewire_codegen.watch import watch

            return watch(job, _project(), lambda line: print(line, flush=True))
        return _check(job) if options.check else _write(job)
    except (LoadError, ContractError) as error:
        print(describe(error, _project()), file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"cannot write: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fusewire", description="Typed calls between Python and TypeScript."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("generate", help="write the contract and the TypeScript client of an app")
    command.add_argument(
        "target", metavar="module:attribute", help="the Fuse, or the FastAPI app it was made for"
    )
    command.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a TypeScript file; repeatable",
    )
    command.add_argument(
        "--contract",
        type=Path,
        metavar="FILE",
        help=f"default: {generate.CONTRACT_FILE} beside the app's module",
    )
    mode = command.add_mutually_exclusive_group()
    mode.add_argument("--watch", action="store_true", help="generate again whenever a Python file changes")
    mode.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when a file is not up to date"
    )
    return parser


def _project() -> Project:
    return Project(Path.cwd(), framework_folders())


def _absolute(paths: Sequence[Path]) -> tuple[Path, ...]:
    # The user's code may change the current folder while it is imported.
    return tuple(path.absolute() for path in paths)


def _absolute_or_none(path: Path | None) -> Path | None:
    return path.absolute() if path else None


def _load(job: Job) -> Loaded | None:
    project = _project()
    try:
        return load(job.target, project.root)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 — the user's code may raise anything, `SystemExit` too.
        print(describe(error, project), file=sys.stderr)
        return None


def _write(job: Job) -> int:
    started = time.perf_counter()
    loaded = _load(job)
    if loaded is None:
        return FAILED
    outcome = generate.write(job, loaded)
    print(f"{generate.summary(job, outcome)}  {(time.perf_counter() - started) * 1000:.0f} ms")
    return OK


def _check(job: Job) -> int:
    project = _project()
    loaded = _load(job)
    if loaded is None:
        return FAILED
    stale = generate.stale(job, loaded)
    for path, text in stale:
        print(f"{project.short(path)} is not up to date", file=sys.stderr)
        for line in files.difference(path, text):
            print(f"  {line}", file=sys.stderr)
    return STALE if stale else OK
