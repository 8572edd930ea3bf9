"""Plays the conversations against any server: `python -m tests.conformance ws://localhost:8000/_ws`.

The server serves the procedures of `tests/conformance/app.py`. Exit code: 0 when all went as written, 1 when one did not.
"""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import argparse
import asyncio
import time

import websockets

from tests.conformance.player import Mismatch, Player
from tests.conformance.reading import Conversation, load

AT_ONCE = 16
"""Most conversations only wait; those for the protocol's times would take minutes one after the other."""


async def play(url: str, conversations: list[Conversation]) -> int:
    """Prints a line for each, in order; returns how many went wrong."""
    turn = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_outcome(url, each, turn)) for each in conversations]
        for each, task in zip(conversations, running, strict=True):
            wrong, seconds = await task
            print(f"{'FAILED' if wrong else 'ok':6} {seconds:6.2f} s  {each}", flush=True)
            if wrong:
                print(f"       {wrong}", flush=True)
    return sum(bool(task.result()[0]) for task in running)


async def _outcome(url: str, conversation: Conversation, turn: asyncio.Semaphore) -> tuple[str, float]:
    async with turn:
        began = time.monotonic()
        try:
            await Player(url, conversation).play()
        except (Mismatch, websockets.WebSocketException, OSError) as wrong:
            return f"{type(wrong).__name__}: {wrong}", time.monotonic() - began
        return "", time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("url", help="such as ws://localhost:8000/_ws")
    parser.add_argument(
        "--only", help="a part of the lines that are printed, such as 047 or upload", default=""
    )
    parser.add_argument(
        "--no-slow", action="store_true", help="leave out what waits for the protocol's times"
    )
    parser.add_argument(
        "--stop-server", action="store_true", help="at the end, play the first of those that stop the server"
    )
    said = parser.parse_args()
    chosen = [each for each in load() if each.side != "client" and said.only in str(each)]
    if said.no_slow:
        chosen = [each for each in chosen if not each.slow]
    # The slow ones first: the others are played while those wait.
    ordinary = sorted((each for each in chosen if not each.stops_server), key=lambda each: not each.slow)
    # A server can be stopped once.
    stopping = [each for each in chosen if each.stops_server][: 1 if said.stop_server else 0]
    wrong = asyncio.run(play(said.url, ordinary)) + asyncio.run(play(said.url, stopping))
    played = len(ordinary) + len(stopping)
    print(f"{played - wrong} of {played} conversations went as written")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
