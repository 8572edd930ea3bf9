"""Streams that survive their reader, over server-sent events: a client goes on behind its `Last-Event-ID`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from tests.support.resuming import Crew

SSE = {"accept": "text/event-stream", "authorization": "Bearer ann"}


async def events(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """The fields of each server-sent event."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif fields:
            yield fields
            fields = {}


async def test_server_sent_events_go_on_behind_the_last_event_id(broker_url: str | None) -> None:
    got: list[str] = []
    headers = dict(SSE)
    connections = 0
    async with Crew(broker_url) as crew, httpx.AsyncClient() as client:
        while True:
            host = crew.hosts[connections % len(crew.hosts)]
            connections += 1
            async with client.stream(
                "GET", f"http://{host}/api/count?n=100&pause=0.001", headers=headers
            ) as answer:
                if answer.status_code == 204:
                    break
                async for event in events(answer):
                    headers["last-event-id"] = event["id"]
                    if "event" in event:
                        break
                    got.append(event["data"])
                    if len(got) % 9 == 0:
                        break
        assert got == [str(each) for each in range(100)]
        assert crew.log.started == 1
        # Somebody else, or with an id that is none.
        for change in ({"authorization": "Bearer eve"}, {"last-event-id": "x"}, {"last-event-id": "x/1-1"}):
            answer = await client.get(f"http://{crew.hosts[0]}/api/count?n=3", headers={**headers, **change})
            assert (answer.status_code, answer.json()["code"]) == (404, "STREAM_UNKNOWN")


async def test_over_server_sent_events_an_error_before_the_first_item_has_its_status(
    broker_url: str | None,
) -> None:
    async with Crew(broker_url) as crew, httpx.AsyncClient() as client:
        answer = await client.get(f"http://{crew.hosts[0]}/api/count?n=many", headers=SSE)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_ARGUMENT")
