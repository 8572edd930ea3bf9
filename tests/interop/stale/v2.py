"""The app of `main.py` after changes that no client of it may notice."""

from collections.abc import AsyncIterator

from fastapi import FastAPI
from fusewire import Fuse
from pydantic import BaseModel

app = FastAPI()
fuse = Fuse(app)
rpc = fuse.rpc


class Note(BaseModel):
    pinned: bool = False
    text: str


@rpc
async def subtract(b: int, a: int) -> int:
    return a - b


@rpc.get("/notes/{number}")
async def read(language: str = "en", shout: bool = False, *, number: int) -> Note:
    text = f"note {number}" if language == "en" else f"Notiz {number}"
    return Note(text=text.upper() if shout else text)


@rpc
async def save(reason: str = "", *, author: str, note: Note) -> Note:
    return Note(text=f"{author}: {note.text}{reason}", pinned=True)


@rpc
async def count(start: int = 0, upto: int = 0) -> AsyncIterator[int]:
    for number in range(start, upto):
        yield number
