"""What the faults of `tests.faults` leave behind: of one run, which the rows share."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.faults_clients import KILLS, resumed, returned
from benchmarks.faults_mix import LONG, SHORT, Run, mixed
from benchmarks.harness import Figure


async def lost(bench: Bench) -> Figure:
    run = await _run(bench)
    return _count(
        sum(report.missing for report in run.kept),
        f"{run.emitted:,} emitted, {run.owed:,} deliveries owed, {run.jumbled:,} frames jumbled, "
        f"{len(run.kept)} worlds, {run.seconds:.0f} s",
    )


async def duplicated(bench: Bench) -> Figure:
    return _count(sum(len(report.duplicated) for report in (await _run(bench)).reports))


async def reordered(bench: Bench) -> Figure:
    return _count(sum(len(report.reordered) for report in (await _run(bench)).reports))


async def strayed(bench: Bench) -> Figure:
    return _count(sum(len(report.strayed) for report in (await _run(bench)).reports))


async def untold(bench: Bench) -> Figure:
    run = await _run(bench)
    gaps, missing, owed = (
        sum(getattr(report, name) for report in run.lost) for name in ("gaps", "missing", "owed")
    )
    return _count(
        sum(len(report.lost) for report in run.reports),
        f"where Redis lost its data: {gaps:,} gaps told, {missing:,} missing of {owed:,}",
    )


async def failed_by_deploy(bench: Bench) -> Figure:
    run = await _run(bench)
    made = sum(calls.made for calls in run.deploys)
    return _count(
        sum(calls.failed.total() for calls in run.deploys), f"{made:,} calls, {len(run.deploys)} deploys"
    )


async def never_settled(bench: Bench) -> Figure:
    run, returns, streams = await _run(bench), await bench.once(returned), await bench.once(resumed)
    made = sum(calls.made for calls in run.calls)
    unsettled = sum(calls.unsettled for calls in run.calls) + returns.unsettled + streams.unsettled
    return _count(
        unsettled,
        f"{made:,} calls in Python, {returns.calls:,} calls and {streams.streams:,} streams in TypeScript",
    )


async def executed_twice(bench: Bench) -> Figure:
    run = await _run(bench)
    failed = sum(calls.failed.total() for calls in run.calls)
    wrong = [fault for calls in run.calls for fault in calls.wrong]
    if wrong:
        raise RuntimeError("; ".join(wrong[:3]))
    return _count(sum(calls.twice for calls in run.calls), f"{failed:,} calls failed otherwise")


async def streams_resumed(bench: Bench) -> Figure:
    """In percent of the streams."""
    streams = await bench.once(resumed)
    notes = f"{streams.cuts:,} cuts, {streams.whole:,} of {streams.streams:,} streams, {streams.unnamed} lost before they had a name"
    return Figure.of([100 * streams.whole / streams.streams], "; ".join([notes, *streams.wrong[:3]]))


async def back_p50(bench: Bench) -> Figure:
    return await _back(bench, 0.5)


async def back_p99(bench: Bench) -> Figure:
    return await _back(bench, 0.99)


async def _back(bench: Bench, part: float) -> Figure:
    returns = await bench.once(returned)
    ordered = sorted(returns.seconds)
    value = ordered[min(len(ordered) - 1, int(part * len(ordered)))]
    return Figure(value, ordered[0], ordered[-1], f"{len(ordered)} returns after {KILLS} kills")


def _count(value: int, notes: str = "") -> Figure:
    return Figure.of([float(value)], notes)


async def _run(bench: Bench) -> Run:
    return await bench.once(_long if bench.plan.long else _short)


async def _short() -> Run:
    return await mixed(SHORT)


async def _long() -> Run:
    return await mixed(LONG)
