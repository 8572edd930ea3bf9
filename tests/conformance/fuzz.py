"""Feeds the decoder and the machine mutated vectors and random bytes, and looks for what must never be.

`python -m tests.conformance.fuzz --inputs 1000000 --seed 7` prints what it did; exit code 1 when it found something. The same seed
gives the same inputs, whatever their number, and the same digest of what was answered.
"""

# ruff: noqa: T201  # a command prints

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, unpack, write
from fusewire.wire.frame import read_frame
from fusewire.wire.machine import Close, ServerMachine
from fusewire.wire.shapes import Fault

from tests.conformance.bombs import machine
from tests.conformance.reading import frame_of, load
from tests.conformance.resources import rss_bytes

VECTORS = Path(__file__).parents[1] / "vectors"
SIZES = Sizes()
GOOD = write(m.Call(9, "add", [1, 2]))
READ_GOOD = [(m.Call(9, "add", [1, 2]), len(GOOD))]
MOST_SECONDS = 1.0
"""Processor time that one input may take."""
MOST_GROWTH_BYTES = 32 * 2**20
"""What the process may have grown by when the inputs are through."""
LARGEST_SEED = 8 * 1024

LONGEST = {1: (0xC4, 0xC7, 0xD9), 2: (0xC5, 0xDA, 0xDC, 0xDE), 4: (0xC6, 0xC9, 0xDB, 0xDD, 0xDF)}
"""Tags by the bytes of their length."""
HEADS = [bytes([tag]) + b"\xff" * width for width, tags in LONGEST.items() for tag in tags]
KINDS = [bytes([0x92, kind]) for kind in range(16)]
SMALL = [
    "c1",
    "91",
    "81",
    "80",
    "90",
    "a0",
    "c0",
    "d6ff",
    "c70cff",
    "d40500",
    "cfffffffffffffffff",
    "ceffffffff",
]
ODD = [*HEADS, *KINDS, *(bytes.fromhex(text) for text in SMALL)]
TIMES = [1] * 40 + [2] * 20 + [40] * 3 + [1100]


class Finding(Exception):
    """An input that did what none may do."""


def corpus() -> list[bytes]:
    """What mutations start from: the bytes of every vector, and of every frame that a conversation says."""
    seeds = [
        bytes.fromhex(vector["hex"])
        for name in ("codec", "messages")
        for vector in json.loads((VECTORS / f"{name}.json").read_text())
    ]
    for conversation in load():
        for step in conversation.steps:
            if "client" in step and "$b" not in json.dumps(step).replace("$bytes", ""):
                seeds += [frame_of(step["client"], {})]
    return sorted({seed for seed in seeds if len(seed) <= LARGEST_SEED})


def _cut(data: bytearray, chance: random.Random, _seeds: list[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.choice((1, 2, 5, len(data)))]


def _change(data: bytearray, chance: random.Random, _seeds: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _flip(data: bytearray, chance: random.Random, _seeds: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _insert(data: bytearray, chance: random.Random, _seeds: list[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(ODD) * chance.choice(TIMES)


def _double(data: bytearray, chance: random.Random, _seeds: list[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = data[at : at + chance.randrange(1, 30)] * chance.choice((1, 2, 20))


def _join(data: bytearray, chance: random.Random, seeds: list[bytes]) -> None:
    other = chance.choice(seeds)
    at = chance.randrange(len(data) + 1)
    data[at:] = other[chance.randrange(len(other) + 1) :]


def _append(data: bytearray, chance: random.Random, seeds: list[bytes]) -> None:
    data += chance.choice(seeds)


Mutation = Callable[[bytearray, random.Random, list[bytes]], None]
MUTATIONS: list[Mutation] = [_cut, _change, _change, _flip, _insert, _double, _join, _append]


def inputs(seed: int) -> Iterator[bytes]:
    """Without an end; the same for the same seed."""
    chance, seeds = random.Random(seed), corpus()
    small = [each for each in seeds if len(each) < 200]
    while True:
        if chance.randrange(16) == 0:
            yield chance.randbytes(chance.choice((1, 3, 10, 40, 200)))
            continue
        # Large ones seldom: they teach little more, and cost a hundred times as much.
        data = bytearray(chance.choice(small if chance.randrange(64) else seeds))
        for _ in range(chance.choice((1, 1, 2, 3, 6))):
            chance.choice(MUTATIONS)(data, chance, small)
        yield bytes(data)


class Target:
    """What an input is fed to. `digest` sums up what came out."""

    def __init__(self) -> None:
        self.digest = 0
        self.slowest = 0.0
        self._machine: ServerMachine | None = None
        self._turn = 0

    def take(self, data: bytes) -> None:
        """Raises `Finding`."""
        began = time.process_time()
        try:
            self._read(data)
            self._unpack(data)
            self._receive(data)
            if list(read_frame(GOOD, SIZES)) != READ_GOOD:
                raise Finding("the next frame is read otherwise")
        except Finding:
            raise
        except BaseException as error:
            raise Finding(f"{type(error).__name__}: {error}") from error
        self.slowest = max(self.slowest, seconds := time.process_time() - began)
        if seconds > MOST_SECONDS:
            raise Finding(f"took {seconds:.2f} s")

    def _read(self, data: bytes) -> None:
        for number, (found, size) in enumerate(read_frame(data, SIZES)):
            if number > 1024:
                break
            if size > len(data) or size < 0:
                raise Finding(f"a message of {size} bytes in a frame of {len(data)}")
            self._note(found.code if isinstance(found, Fault) else type(found).__name__)

    def _unpack(self, data: bytes) -> None:
        try:
            unpack(data, SIZES)
        except ValueError:
            return
        self._note("value")

    def _receive(self, data: bytes) -> None:
        if self._machine is None:
            self._turn += 1
            # Every fourth has no hello yet.
            self._machine = machine(welcomed=self._turn % 4 > 0)
        before = set(self._machine.in_flight)
        for event in (events := list(self._machine.receive(data))):
            self._note(type(event).__name__)
            if isinstance(event, m.Call | m.Resume | m.Refresh):
                if event.id in before:
                    raise Finding(f"the id {event.id} was opened twice")
                before.add(event.id)
        if any(isinstance(event, Close) for event in events):
            if not isinstance(events[-1], Close) or list(self._machine.receive(GOOD)):
                raise Finding("something comes after a close")
            self._machine = None
        elif self._machine.in_flight != before:
            raise Finding("in flight is what was not accepted")
        elif len(before) > 64:
            self._machine = None

    def _note(self, what: str) -> None:
        self.digest = zlib.crc32(what.encode(), self.digest)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did. `finding` is empty when there was none."""

    inputs: int
    seconds: float
    digest: int
    slowest: float
    grown_bytes: int
    finding: str


WARM_UP = 2_000


def run(number: int, seed: int, seconds: float | None = None) -> Report:
    """Feeds so many inputs, or as many as there is time for."""
    target, began, warm = Target(), time.monotonic(), 0
    finding, done = "", 0
    for data in inputs(seed):
        if done == number or (seconds is not None and done % 256 == 0 and time.monotonic() - began > seconds):
            break
        try:
            target.take(data)
        except Finding as found:
            finding = (
                f"input {done} of seed {seed}: {found}\n  {data[:400].hex()}{'…' if len(data) > 400 else ''}"
            )
            break
        done += 1
        if done == WARM_UP:
            warm = rss_bytes()
    grown = rss_bytes() - warm if warm else 0
    if grown > MOST_GROWTH_BYTES and not finding:
        finding = f"the process has grown by {grown / 2**20:.0f} MiB"
    return Report(done, time.monotonic() - began, target.digest, target.slowest, grown, finding)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="how many, of each process")
    parser.add_argument("--seconds", type=float, default=None, help="at most so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--processes", type=int, default=1, help="each with a seed of its own: seed, seed + 1, …"
    )
    said = parser.parse_args()
    jobs = [(said.inputs, said.seed + n, said.seconds) for n in range(said.processes)]
    if said.processes == 1:
        reports = [run(*jobs[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(said.processes) as pool:
            reports = pool.starmap(run, jobs)
    for (_, seed, _), report in zip(jobs, reports, strict=True):
        print(
            f"seed {seed}: {report.inputs} inputs in {report.seconds:.1f} s, {report.inputs / max(report.seconds, 1e-9):.0f} a second; "
            f"slowest {report.slowest * 1000:.1f} ms; grown by {report.grown_bytes / 2**20:.1f} MiB; digest {report.digest:08x}"
        )
        if report.finding:
            print(f"FOUND {report.finding}")
    return 1 if any(report.finding for report in reports) else 0


if __name__ == "__main__":
    raise SystemExit(main())
