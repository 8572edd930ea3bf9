"""What of a generated model is sent, and what becomes of an error's data."""

from typing import Any

from fusewire.client.errors import RemoteError
from fusewire.client.typed import Model
from fusewire.client.typed.errors import ErrorTypes
from fusewire.client.values import plain
from fusewire.errors import RateLimited
from fusewire.wire import messages as m
from pydantic import ConfigDict, Field

from .conftest import Busy


class Inner(Model):
    n: int = 1


class Outer(Model):
    model_config = ConfigDict(extra="allow")
    class_: str = Field("x", validation_alias="class")
    tags: list[str] = Field([])
    inner: Inner = Inner()
    note: str | None = None


def test_what_was_not_set_is_not_sent() -> None:
    assert plain(Outer()) == {}
    assert plain(Outer(class_="x", note=None)) == {"class": "x", "note": None}
    assert plain(Outer.model_validate({"class": "y", "more": b"1"})) == {"class": "y", "more": b"1"}


def test_a_default_that_was_changed_in_place_is_sent() -> None:
    outer = Outer()
    outer.tags.append("a")
    outer.inner.n = 2
    assert plain([outer]) == [{"tags": ["a"], "inner": {"n": 2}}]
    assert plain(Outer()) == {}


def test_an_error_that_does_not_fit_its_type_is_told_as_it_came() -> None:
    types = ErrorTypes([Busy])
    assert isinstance(types.typed(_error("BUSY", 7)), Busy)
    for code, data in (("BUSY", "seven"), ("OTHER", 7)):
        told: Any = types.typed(_error(code, data))
        assert (type(told), told.code, told.data) == (RemoteError, code, data)
    limited = types.typed(_error("RATE_LIMITED", {"retry_after": 3}))
    assert isinstance(limited, RateLimited)
    assert limited.data == {"retry_after": 3}


def _error(code: str, data: Any) -> RemoteError:
    return RemoteError(m.Error(1, 409, code, "words", data))
