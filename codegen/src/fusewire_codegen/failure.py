"""What is shown when the user's code does not import: their file and line, not the framework's traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

from fusewire_codegen.contract import ContractError
from fusewire_codegen.load import LoadError
from fusewire_codegen.project import Project

MAX_LINES = 8
"""Of one error's message; pydantic's have been seen with a hundred."""


def describe(error: BaseException, project: Project) -> str:
    """A few lines for `error`: `file:line: what`, then the line of source.

    The place is the innermost one in the user's own code; without any, only what happened is told. A cause
    (`raise … from …`) is described as well, one level of it.
    """
    lines = _describe_one(error, project)
    cause = error.__cause__
    if cause is not None:
        lines += ["caused by", *_describe_one(cause, project)]
    return "\n".join(lines)


def _describe_one(error: BaseException, project: Project) -> list[str]:
    if isinstance(error, SyntaxError) and error.filename:
        return _syntax_error(error, project)
    where = _innermost_own_frame(error, project)
    what = _what(error)
    if where is None:
        return what
    what[0] = f"{project.short(Path(where.filename))}:{where.lineno}: {what[0]}"
    return [*what, f"    {where.line}"] if where.line else what


def _syntax_error(error: SyntaxError, project: Project) -> list[str]:
    file = project.short(Path(str(error.filename)))
    lines = [f"{file}:{error.lineno}: {type(error).__name__}: {error.msg}"]
    if error.text and (source := error.text.rstrip()):
        shown = source.lstrip()
        lines.append(f"    {shown}")
        column = (error.offset or 0) - 1 - (len(source) - len(shown))
        if 0 <= column <= len(shown):
            lines.append(f"    {' ' * column}^")
    return lines


def _what(error: BaseException) -> list[str]:
    if isinstance(error, (LoadError, ContractError)):
        kind = "the contract is not usable: " if isinstance(error, ContractError) else ""
        return f"{kind}{error}".splitlines()
    if isinstance(error, SystemExit):
        return [f"the app ended the interpreter while it was imported (exit status {error.code})"]
    if type(error).__module__.partition(".")[0] == "fusewire":
        return str(error).splitlines() or [type(error).__name__]
    lines = "".join(traceback.format_exception_only(error)).rstrip().splitlines()
    return lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], "…"]


def _innermost_own_frame(error: BaseException, project: Project) -> traceback.FrameSummary | None:
    # The absolute path of the file: a frame of frozen importlib or of a string has none.
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if project.owns(Path(frame.filename))]
    return own[-1] if own else None
