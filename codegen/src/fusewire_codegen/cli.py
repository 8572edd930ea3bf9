"""The `fusewire` command."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from fusewire_codegen import check, files, generate
from fusewire_codegen.contract import ContractError
from fusewire_codegen.failure import describe
from fusewire_codegen.generate import Job
from fusewire_codegen.load import Loaded, LoadError, Target, framework_folders, load
from fusewire_codegen.project import Project

OK, STALE, FAILED = 0, 1, 2
BREAKING = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: those of the process) and return its exit status.

    0: done. 1: `--check` found a file that is not up to date, `check` a change that breaks. 2: the app does not load, a
    contract cannot be read, or wrong arguments.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "check":
            return _compare(parser, options)
        target = Target.parse(options.target)
        job = Job(target, _absolute(options.output), _absolute_or_none(options.contract), options.lang)
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
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    _add_check(commands.add_parser("check", help="tell what changed between two contracts, and what breaks"))
    command = commands.add_parser("generate", help="write the contract of an app and clients for it")
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
        help="a client; repeatable",
    )
    command.add_argument(
        "--lang",
        choices=get_args(generate.Language),
        help="of the clients; default: Python for files that end in .py, TypeScript for others",
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


def _add_check(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "contracts",
        nargs="+",
        metavar="CONTRACT",
        help="the old one and the new one, - for standard input; with --git only the new one",
    )
    command.add_argument("--git", metavar="REVISION", help="the old one is what git has there")
    command.add_argument("--json", action="store_true", help="for machines")


def _compare(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if len(options.contracts) != (2 if options.git is None else 1):
        parser.error("check takes two contracts, or one with --git")
    try:
        *older, newer = options.contracts
        old = check.read(older[0]) if older else check.read_revision(options.git, Path(newer))
        changes = check.compare(old, check.read(newer))
    except check.UnreadableError as error:
        print(error, file=sys.stderr)
        return FAILED
    print(check.as_json(changes) if options.json else check.as_text(changes))
    return BREAKING if any(change.is_breaking for change in changes) else OK


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
