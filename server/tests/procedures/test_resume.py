"""What cannot be a stream that is resumed is refused while decorating, naming function, file and line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Form, Response
from fusewire import Fuse, RegistrationError


async def call() -> int:
    return 1


async def stream() -> AsyncIterator[int]:
    yield 1


async def upload(items: AsyncIterator[int]) -> AsyncIterator[int]:
    async for item in items:
        yield item


async def takes_response(response: Response) -> AsyncIterator[int]:
    yield 1


async def takes_form(name: Annotated[str, Form()]) -> AsyncIterator[str]:
    yield name


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (call, {}, "resume= is for streams, and this does not stream"),
        (
            upload,
            {"transports": "websocket"},
            "takes a stream from the caller, which ends with its connection",
        ),
        (takes_response, {"transports": "http"}, "so there is no Response to set anything on"),
        (takes_form, {"transports": "http"}, "so there is no form"),
    ],
)
def test_what_cannot_be_resumed(function: Callable[..., Any], options: dict[str, Any], message: str) -> None:
    fuse = Fuse(FastAPI())
    with pytest.raises(RegistrationError, match=message) as raised:
        fuse.rpc(**options, resume="1m")(function)
    assert function.__name__ in str(raised.value)
    assert "test_resume.py:" in str(raised.value)


@pytest.mark.parametrize("resume", ["soon", "", "0s", "-1m", "10", "10 m", "1m30s", "inf", 600, 0.5])
def test_what_is_no_length_of_time(resume: Any) -> None:
    with pytest.raises(RegistrationError, match=r"resume=: .* is no length of time") as raised:
        Fuse(FastAPI()).rpc(resume=resume)(stream)
    assert "test_resume.py:" in str(raised.value)


@pytest.mark.parametrize(
    ("resume", "seconds"), [("30s", 30), ("10m", 600), ("1.5h", 5400), ("2d", 172_800), (None, None)]
)
def test_lengths_of_time(resume: str | None, seconds: float | None) -> None:
    fuse = Fuse(FastAPI())
    fuse.rpc(resume=resume)(stream)
    assert fuse.contract()["procedures"]["stream"].get("resume") == seconds
