"""What nobody has to set by a flag."""

from __future__ import annotations

import logging

import pytest

from server.tests.serving.support import CLOSE, connected, echo, frame, serving

TOO_LARGE = 1009


async def test_compression_is_never_agreed_on() -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    async with (
        serving(echo, ws_per_message_deflate=True) as server,
        connected(server.port, headers=offer) as peer,
    ):
        assert "sec-websocket-extensions" not in peer.answer.lower()
        await peer.echo()


async def test_a_query_string_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="uvicorn.error"):
        async with serving(echo) as server, connected(server.port, path="/_ws?token=secret") as peer:
            await peer.echo()
    lines = [record.getMessage() for record in caplog.records]
    assert any('"WebSocket /_ws" [accepted]' in line for line in lines), lines
    assert not any("secret" in line for line in lines), lines


async def test_messages_are_as_large_as_uvicorn_was_told() -> None:
    async with serving(echo, ws_max_size=1000) as server, connected(server.port) as peer:
        await peer.echo(bytes(1000))
        peer.write(frame(2, bytes(1001)))
        opcode, data = await peer.frame()
        assert (opcode, int.from_bytes(data[:2])) == (CLOSE, TOO_LARGE)
