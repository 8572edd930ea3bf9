"""Procedures whose body is a form: one body is of one kind."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args, get_origin

from fastapi import UploadFile, params

from fusewire.errors import RegistrationError
from fusewire.procedures.annotations import arms, is_model, is_sequence, model_fields, without_none
from fusewire.procedures.callables import place_of
from fusewire.procedures.sources import Field, Node, walk, with_fields

WITHOUT_BODY = frozenset({"GET", "DELETE", "HEAD"})


def is_upload(annotation: Any) -> bool:
    """Whether it is an `UploadFile`, or a list of them, or perhaps none."""
    return _is_only(annotation, UploadFile)


def is_of_bytes(annotation: Any) -> bool:
    """Whether a file can be it, read whole."""
    return any(each is bytes for each in _items(annotation))


def with_form(root: Node, guards: tuple[Node, ...], method: str) -> tuple[Node, tuple[Node, ...]]:
    """Where a parameter is a form field, those that would be keys of a JSON body are form fields too.

    Raises `RegistrationError` for a parameter that cannot be one, and for a verb without a body.
    """
    fields = [field for node in (root, *guards) for field in walk(node)]
    form = next((field for field in fields if field.where == "form"), None)
    if form is None:
        return root, guards
    place = place_of(root.call)
    if method in WITHOUT_BODY:
        raise RegistrationError(
            f"{place}: {form.name!r} is a form field, which {method} cannot carry; use a verb with a body"
        )
    for field in fields:
        _check(field, form, place)

    def change(field: Field) -> Field:
        if field.where != "body":
            return field
        return replace(field, where="form", sequence=is_sequence(field.type.annotation))

    return with_fields(root, change), tuple(with_fields(guard, change) for guard in guards)


def _check(field: Field, form: Field, place: str) -> None:
    if field.where not in ("form", "body"):
        return
    if isinstance(field.info, params.Body) and not isinstance(field.info, params.Form):
        raise RegistrationError(
            f"{place}: {field.name!r} is said to be in a JSON body, and {form.name!r} makes the body a form; a request has one body"
        )
    annotation = field.type.annotation
    if field.file:
        if not is_upload(annotation) and not _is_only(annotation, bytes):
            raise RegistrationError(
                f"{place}: {field.name!r} is a file, so its type is UploadFile or bytes, or a list of them"
            )
    elif not _is_text(annotation) and not (field.where == "form" and _is_flat(annotation)):
        raise RegistrationError(
            f"{place}: {field.name!r} would be an object in a JSON body, and {form.name!r} makes the body a form, which carries text and "
            "files; take its fields one by one, or the object as text (pydantic's Json[...])"
        )


def _is_flat(annotation: Any) -> bool:
    """Whether it is a model that is a form by itself, a part for each field."""
    fields = model_fields(annotation).values()
    return bool(fields) and all(is_upload(each) or _is_text(each) for each in fields)


def _is_text(annotation: Any) -> bool:
    """Whether a text, or several, can be it: nothing that has keys."""
    return not any(
        is_model(each) or _is_class(get_origin(each) or each, Mapping) or is_sequence(each)
        for each in _items(annotation)
    )


def _items(annotation: Any) -> Iterator[Any]:
    """The types that one part of a form may be: a list's items are parts of their own."""
    for arm in arms(annotation):
        if is_sequence(arm):
            yield from (each for item in get_args(arm) if item is not ... for each in arms(item))
        elif arm is not type(None):
            yield without_none(arm)


def _is_only(annotation: Any, kind: type) -> bool:
    items = [*_items(annotation)]
    return bool(items) and all(_is_class(each, kind) for each in items)


def _is_class(annotation: Any, kind: type) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, kind)
