"""From a loaded app to the files on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from fusewire_codegen import files, python, typescript
from fusewire_codegen.contract import Contract, serialise, validate
from fusewire_codegen.load import Loaded, Target

CONTRACT_FILE = "fuse.contract.json"
_RENDERERS = {"typescript": typescript.render, "python": python.render}

Language = Literal["typescript", "python"]


@dataclass(frozen=True)
class Job:
    """Clients to generate, and the contract (None: `fuse.contract.json` beside the app). No `language`: by each file's ending."""

    target: Target
    outputs: tuple[Path, ...] = ()
    contract: Path | None = None
    language: Language | None = None

    def language_of(self, output: Path) -> Language:
        """Python for `.py`, TypeScript for anything else, unless the job says."""
        return self.language or ("python" if output.suffix == ".py" else "typescript")


class Output(NamedTuple):
    """A file and the text that it should have."""

    path: Path
    text: str


class Outcome(NamedTuple):
    """What a run did: the files that changed, and what the contract holds."""

    written: tuple[Path, ...]
    procedures: int
    types: int


def outputs(job: Job, contract: Contract, source: Path) -> Iterator[Output]:
    """Every file of `job` with its text: clients first, for which a dev server waits, then the contract.

    Raises `ContractError`, and `LoadError` for Python without its generator, before the first one.
    """
    languages = {job.language_of(path) for path in job.outputs}
    texts = {language: _RENDERERS[language](contract, str(job.target)) for language in languages}
    yield from (Output(path, texts[job.language_of(path)]) for path in job.outputs)
    yield Output(job.contract or source.parent / CONTRACT_FILE, serialise(contract))


def write(job: Job, loaded: Loaded) -> Outcome:
    """Write what changed. Raises `ContractError` before the first file is touched, and `OSError`."""
    contract = validate(loaded.contract)
    planned = outputs(job, contract, loaded.source)
    written = tuple(path for path, text in planned if files.write_if_changed(path, text))
    return Outcome(written, len(contract["procedures"]), len(contract["types"]))


def stale(job: Job, loaded: Loaded) -> list[Output]:
    """The files of `job` that are not what they should be, sorted by path. Raises `ContractError`."""
    planned = outputs(job, validate(loaded.contract), loaded.source)
    return sorted(output for output in planned if files.read(output.path) != output.text)


def summary(job: Job, outcome: Outcome) -> str:
    """One line: `fuse.ts  written  3 procedures, 5 types`; without any, with a hint at what may have been forgotten."""
    wanted = [path for path in outcome.written if path in job.outputs] or outcome.written
    shown = wanted or job.outputs or (job.contract or Path(CONTRACT_FILE),)
    names = ", ".join(dict.fromkeys(path.name for path in shown))
    state = "written" if wanted else "unchanged"
    found = f"{_count(outcome.procedures, 'procedure')}, {_count(outcome.types, 'type')}"
    if not outcome.procedures:
        found += " (a Router counts once it is included: fuse.include_router(router))"
    return f"{names}  {state}  {found}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
