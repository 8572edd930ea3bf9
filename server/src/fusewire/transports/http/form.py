"""From a form to values by parameter name (PROTOCOL §8)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from fusewire.bounds import Bounds
from fusewire.errors import HttpError, InvalidArgument, TooLarge
from fusewire.procedures.annotations import is_sequence, model_fields
from fusewire.procedures.form import is_of_bytes
from fusewire.procedures.sources import Field
from fusewire.transports.http.arguments import ABSENT

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"


async def read_form(headers: Headers, parts: AsyncGenerator[bytes], bounds: Bounds) -> FormData:
    """The fields of a form; its files are open, and for the caller to close.

    Raises `InvalidArgument` for a form that cannot be read, `TooLarge` for one of more fields or files than `bounds` has, status 415 for
    what is no form, and what `parts` raises. After an error nothing is open.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # All the parts together are bounded, so each one is.
    counts: dict[str, Any] = {"max_fields": bounds.form_fields, "max_part_size": 2**63}
    try:
        if kind == MULTIPART:
            parser = _Multipart(headers, parts, max_files=bounds.form_files, **counts)
            return await parser.parse()
        if kind == URLENCODED:
            return await FormParser(headers, parts, **counts).parse()
        async for part in parts:
            if part:
                raise HttpError(
                    415, f"The body must be {MULTIPART} or {URLENCODED}, and say so in Content-Type"
                )
        return FormData()
    except MultiPartException as error:
        if error.message.startswith("Too many"):
            raise TooLarge(message=error.message) from error
        raise _unreadable(error.message) from error
    finally:
        await parts.aclose()


async def take_form(values: dict[str, Any], fields: list[Field], form: FormData) -> None:
    """Add what the form has of the fields."""
    for field in fields:
        found = await (_whole(field, form) if field.whole_body else _of(field, form))
        if found is not ABSENT:
            values[field.name] = found


def close_form(form: FormData) -> None:
    """Here and at once: what ends a call may end it while anything is awaited."""
    for _, value in form.multi_items():
        if isinstance(value, UploadFile):
            value.file.close()


class _Multipart(MultiPartParser):
    _ended = False

    def on_end(self) -> None:
        self._ended = True

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._ended:
            close_form(form)
            raise MultiPartException("The form is cut: its last boundary is missing.")
        return form


def _unreadable(message: str) -> InvalidArgument:
    return InvalidArgument([{"type": "form_invalid", "loc": ("body",), "msg": message}])


async def _of(field: Field, form: FormData) -> Any:
    # Third parties say the alias, as documented; our own clients know parameters by name.
    found = await _values(form, field.alias if field.alias in form else field.name, field.type.annotation)
    if not found:
        return ABSENT
    if field.sequence:
        return found
    # What a browser sends for an input that was left empty, unless the empty text is a value.
    return ABSENT if found[-1] == "" and not _fits(field, "") else found[-1]


async def _whole(field: Field, form: FormData) -> Any:
    annotations = model_fields(field.type.annotation)
    value: dict[str, Any] = {}
    for name in form:
        annotation = annotations.get(name, str)
        if found := await _values(form, name, annotation):
            value[name] = found if is_sequence(annotation) else found[-1]
    if not value and not field.default.required:
        return ABSENT
    if "" in value.values() and not _fits(field, value):
        return {name: each for name, each in value.items() if each != ""}
    return value


async def _values(form: FormData, name: str, annotation: Any) -> list[Any]:
    return [
        await each.read() if isinstance(each, UploadFile) and is_of_bytes(annotation) else each
        for each in form.getlist(name)
        if not _is_unchosen(each)
    ]


def _is_unchosen(value: Any) -> bool:
    """What a browser sends for a file input without a file."""
    return isinstance(value, UploadFile) and not value.filename and not value.size


def _fits(field: Field, value: Any) -> bool:
    try:
        field.type.check(value)
    except ValidationError:
        return False
    return True
