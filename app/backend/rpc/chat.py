"""A streamed reply. The writer here is a local echo, not a language model: it shows how streams behave."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fusewire import Router
from pydantic import BaseModel, Field

rpc = Router(prefix="/chat", tags=["chat"])

WORD_SECONDS = 0.06

Prompt = Annotated[str, Field(min_length=1, max_length=2_000)]


class ChatActivity(BaseModel):
    """Counts of this server process since it started."""

    writing: int = 0
    finished: int = 0
    stopped: int = 0


activity = ChatActivity()


@rpc.post("")
async def chat(prompt: Prompt) -> AsyncGenerator[str, None]:
    """Streams a reply word by word. Whoever stops reading stops the writer too."""
    activity.writing += 1
    try:
        for word in echo(prompt).split():
            yield f"{word} "
            await asyncio.sleep(WORD_SECONDS)
    except (asyncio.CancelledError, GeneratorExit):  # Stop was pressed, or the tab was closed
        activity.stopped += 1
        raise
    else:
        activity.finished += 1
    finally:
        activity.writing -= 1


@rpc.get("/activity")
async def chat_activity() -> ChatActivity:
    """How many replies are being written, were finished, and were stopped by their reader."""
    return activity


def echo(prompt: str) -> str:
    return (
        f"You wrote: “{prompt}”. I am a local echo writer, not an AI. What you are watching is a Python "
        "generator: each word is one yield, sent over the open WebSocket and appended by a for-await "
        "loop. Press Stop and the generator is cancelled where it stands; the counters below tell."
    )
