"""A reply from Claude, streamed token by token."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fusewire import Router
from pydantic import BaseModel, Field

from app.backend.ai.errors import ModelBusy, ModelRefused, ModelUnavailable
from app.backend.ai.fake import FakeActivity
from app.backend.state import StateDep

rpc = Router(prefix="/chat", tags=["chat"])

Prompt = Annotated[str, Field(min_length=1, max_length=4_000)]


class ChatModel(BaseModel):
    name: str
    fake: FakeActivity | None
    """What the stand-in has seen; null when the model is a real one."""


# Each reply costs money: people with an account only, and a bound for each.
@rpc.post("", auth=True, limit="30/m", timeout=300, raises=[ModelBusy, ModelRefused, ModelUnavailable])
async def chat(prompt: Prompt, state: StateDep) -> AsyncGenerator[str, None]:
    """Streams a reply. Whoever stops reading stops the model too."""
    async with aclosing(state.claude.reply(prompt)) as tokens:
        async for token in tokens:
            yield token


@rpc.get("/model")
async def chat_model(state: StateDep) -> ChatModel:
    """Which model answers, and whether it is the local stand-in."""
    return ChatModel(name=state.claude.model, fake=state.claude.fake_activity)
