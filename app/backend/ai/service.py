"""One question, one streamed answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.backend.ai.errors import ModelRefused, declared, failures
from app.backend.ai.fake import FakeActivity, FakeModel

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

MAX_TOKENS = 1024
SYSTEM = "You are the assistant of a small demo app. Answer in plain text, briefly and kindly."
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 60.0
"""The first token may take a while; a stream that has said nothing for this long is dead."""


@dataclass(frozen=True, slots=True)
class ClaudeService:
    """`fake_activity`: what the local stand-in has seen; None for a real model."""

    client: AsyncAnthropic
    model: str
    fake_activity: FakeActivity | None = None

    async def reply(self, prompt: str) -> AsyncGenerator[str, None]:
        """Pieces of text as the model writes them. Closing the generator, or cancelling its task, closes the stream upstream.

        Raises `ModelBusy`, `ModelRefused` and `ModelUnavailable`.
        """
        try:
            async with self.client.messages.stream(
                model=self.model,
                max_tokens=MAX_TOKENS,
                system=SYSTEM,
                messages=[{"role": "user", "content": prompt}],
            ) as stream:
                async for text in stream.text_stream:
                    yield text
                refused = (await stream.get_final_message()).stop_reason == "refusal"
        except failures() as error:
            raise declared(error) from error
        if refused:
            raise ModelRefused(message="The model will not answer that.")


@asynccontextmanager
async def open_claude(
    *, api_key: str | None, base_url: str | None, model: str
) -> AsyncIterator[ClaudeService]:
    """The real model; without a key and an address of one, a stand-in on a loopback port that speaks the same protocol."""
    if api_key is None and base_url is None:
        async with FakeModel() as fake, _client("no key needed", fake.url) as client:
            yield ClaudeService(client, "fake-model", fake.activity)
    else:
        # Never None: without a key the SDK fails at the first question instead of here, or finds one that is not ours.
        async with _client(api_key or "no key given", base_url) as client:
            yield ClaudeService(client, model)


def _client(api_key: str, base_url: str | None) -> AsyncAnthropic:
    # Here, not above: the SDK is slow to import, and what only reads the app's types (codegen) does without.
    from anthropic import AsyncAnthropic, Timeout

    timeout = Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    # The SDK retries by itself, but only before the first token: afterwards the reader would see the text twice.
    return AsyncAnthropic(api_key=api_key, base_url=base_url, timeout=timeout, max_retries=2)
