"""The app that the client in `fuse.ts` was generated from. `v2.py` is the same app, later."""

from collections.abc import AsyncIterator

from fastapi import FastAPI
from fusewire import Fuse
from pydantic import BaseModel

app = FastAPI()
fuse = Fuse(app)
rpc = fuse.rpc


class Note(BaseModel):
    text: str


@rpc
async def subtract(a: int, b: int) -> int:
    return a - b


@rpc.get("/notes/{number}")
async def read(number: int, shout: bool = False) -> Note:
    text = f"note {number}"
    return Note(text=text.upper() if shout else text)


@rpc
async def save(note: Note, author: str) -> Note:
    return Note(text=f"{author}: {note.text}")


@rpc
async def count(upto: int) -> AsyncIterator[int]:
    for number in range(upto):
        yield number
