"""What leaves: the declared type of a result, an item, an event, or an error's data."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from functools import cache, cached_property, partial
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from fusewire.errors import Unencodable
from fusewire.loading import is_contract_only
from fusewire.procedures.values.anything import Anything
from fusewire.procedures.values.exact import ExactForm
from fusewire.procedures.values.forms import JsonForm
from fusewire.procedures.values.kinds import NaiveDatetimes, NoFormError, aware
from fusewire.procedures.values.leaves import Convert, base64_text
from fusewire.procedures.values.refusals import refuse
from fusewire.procedures.values.schemas import core_schema_of, is_complete
from fusewire.wire.codec import BigInteger, pack, pack_scalar
from fusewire.wire.messages import Packed

_SCALARS = (bool, int, float, str)


class OutputType:
    """The declared type of what leaves. Subclass fields and excluded fields never pass.

    Raises `TypeError` for a type of which some part has no form on the wire.
    """

    def __init__(self, annotation: Any, *, naive: NaiveDatetimes = "error") -> None:
        self.annotation = annotation
        self.adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self._naive: NaiveDatetimes = naive
        self.scalar: type | None = (
            annotation if annotation in _SCALARS else type(None) if annotation is None else None
        )
        """The class whose very instances go out as they are: there is nothing to validate and nothing to filter."""
        self.packable: Convert = packable if naive == "error" else _packs_utc
        """What `pack` is to do with what msgpack does not know."""
        if is_complete(self.adapter):
            refuse(self.adapter, annotation, "serialization")
            if not is_contract_only():
                _ = self._fit, self._exact, self._json

    def plain(self, value: Any) -> Any:
        """Plain Python data of the declared shape, for `pack` with `packable`. A dict or an ORM row that fits is taken as well.

        Raises `pydantic.ValidationError` when the value does not fit, which is the procedure's fault, not the caller's.
        """
        return self._exact(self._fit(value), by_alias=True, warnings="error")

    def packed(self, value: Any) -> Packed:
        """As msgpack: datetimes and bytes as themselves, everything else in pydantic's JSON form.

        Raises `Unencodable` for what has no exact form, and what `plain` raises.
        """
        try:
            if type(value) is self.scalar:
                return pack_scalar(value)
            fitted = self._fit(value)
            return pack(self._exact(fitted, by_alias=True, warnings="error"), self.packable)
        except (ValueError, OverflowError) as error:
            raise_by_name(error)
            raise

    def json(self, value: Any) -> bytes:
        """As JSON: bytes in base64 (RFC 4648 §4), NaN and infinities as null. Raises what `packed` does."""
        try:
            if type(value) is self.scalar:
                return to_json(value, inf_nan_mode="null")
            fitted = self._fit(value)
            data: bytes = self._json.to_json(fitted, by_alias=True, warnings="error")
            return data
        except PydanticSerializationError:
            # It says as text alone what went wrong; these say it by class.
            try:
                pack(self.jsonable(value))
            except UnicodeEncodeError as error:
                raise_by_name(error)
            raise

    def jsonable(self, value: Any) -> Any:
        """The data that `json` writes. Raises what `packed` does."""
        try:
            fitted = self._fit(value)
            return self._json.to_python(fitted, mode="json", by_alias=True, warnings="error")
        except ValueError as error:
            raise_by_name(error)
            raise

    # At the latest when they are first asked for: an event may refer to a class that comes after it.

    @cached_property
    def _fit(self) -> Any:
        # A dict or a row may have the fields' own names where the wire has aliases.
        return partial(
            self.adapter.validator.validate_python, from_attributes=True, by_alias=True, by_name=True
        )

    @cached_property
    def _exact(self) -> Any:
        own = ExactForm(self._naive, _exact_anything(self._naive), self._json_form())
        return (own.serializer(core_schema_of(self.adapter)) or self.adapter.serializer).to_python

    @cached_property
    def _json(self) -> Any:
        return self._json_form().serializer(core_schema_of(self.adapter)) or self.adapter.serializer

    def _json_form(self) -> JsonForm:
        return JsonForm(self._naive, _json_anything(self._naive))


def raise_by_name(error: BaseException) -> None:
    """Raises `Unencodable` for what the wire cannot carry; does nothing about any other error."""
    cause: BaseException | None = error
    while cause is not None:
        said = str(cause) if isinstance(cause, NoFormError) else _SAID.get(type(cause))
        if said is not None:
            raise Unencodable(said) from error
        cause = cause.__cause__


_SAID: dict[type, str] = {
    OverflowError: "an integer beyond 64 bits: declare it as fusewire.BigInt",
    UnicodeEncodeError: "text with half of a surrogate pair, which is no Unicode",
}


def packable(value: Any, naive: NaiveDatetimes = "error") -> Any:
    """What msgpack does not know, for `pack`: collections stay collections, so that what is in them is packed by its own kind.

    Raises `NoFormError` for what cannot be carried exactly.
    """
    if isinstance(value, BigInteger):
        return value.extension
    if isinstance(value, int):
        raise OverflowError("an integer beyond 64 bits")
    if isinstance(value, datetime):
        moment = aware(value, naive)
        # msgpack knows no subclasses.
        return datetime.combine(moment.date(), moment.timetz())
    if isinstance(value, set | frozenset | deque):
        return list(value)
    return to_jsonable_python(value)


def _packs_utc(value: Any) -> Any:
    return packable(value, "utc")


@cache
def _exact_anything(naive: NaiveDatetimes) -> Anything:
    return Anything(lambda kind: OutputType(kind, naive=naive).plain, lambda leaf: leaf)


@cache
def _json_anything(naive: NaiveDatetimes) -> Anything:
    def leaf(value: Any) -> Any:
        return aware(value, naive) if isinstance(value, datetime) else base64_text(value)

    return Anything(lambda kind: OutputType(kind, naive=naive).jsonable, leaf)
