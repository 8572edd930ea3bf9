"""`python -m benchmarks calls|codegen|events|faults`: measure, print a table, exit 1 when a target that must hold does not."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

import uvloop

from benchmarks import calls, codegen, events, faults
from benchmarks.bench import Bench, Plan, benching
from benchmarks.conditions import conditions
from benchmarks.harness import pick_cores
from benchmarks.table import Outcome, Row, render

QUIET = 0.5
"""A load average at which nobody else takes part in the measurement."""

SUITES: dict[str, tuple[Row, ...]] = {
    "calls": calls.ROWS,
    "codegen": codegen.ROWS,
    "events": events.ROWS,
    "faults": faults.ROWS,
}


def main() -> int:
    options = _parser().parse_args()
    rows = _chosen(SUITES[options.suite], options.only)
    plan = Plan(options.pairs, options.seconds, options.debug, options.long)
    said, outcomes = uvloop.run(_measure(rows, plan))
    if options.json:
        records = [outcome.record() for outcome in outcomes]
        print(json.dumps({"conditions": said, "rows": records}, indent=2))
    else:
        print(said, end="\n\n")
        print(render(outcomes, markdown=options.markdown))
    return int(any(outcome.holds is False for outcome in outcomes))


async def _measure(rows: Sequence[Row], plan: Plan) -> tuple[str, list[Outcome]]:
    cores = pick_cores()
    os.sched_setaffinity(0, {cores.load})
    if cores.shared:
        _say("Only one core: the load generator takes its share of the server's. Compare nothing but ratios.")
    if (busy := os.getloadavg()[0]) > QUIET:
        _say(
            f"The machine is at work already (load {busy:.1f}): ratios will scatter, latencies will be too high."
        )
    said, outcomes = await conditions(plan), []
    async with benching(plan, cores) as bench:
        for row in rows:
            _say(f"… {row.title}")
            outcomes.append(await _outcome(row, bench))
            _say(f"  {_short(outcomes[-1], debug=plan.debug)}")
    return said, outcomes


async def _outcome(row: Row, bench: Bench) -> Outcome:
    """One row that cannot be measured does not take the others with it."""
    try:
        return Outcome(row, await row.run(bench))
    except Exception as error:  # noqa: BLE001  # whatever a peer does wrong
        return Outcome(row, None, f"{type(error).__name__}: {error}")


def _short(outcome: Outcome, *, debug: bool) -> str:
    figure = outcome.figure
    if figure is None:
        return outcome.error
    return f"{figure.value:.{outcome.row.digits}f} {outcome.row.unit}" + (
        f"  ({figure.notes})" if debug else ""
    )


def _chosen(rows: tuple[Row, ...], only: str | None) -> tuple[Row, ...]:
    if only is None:
        return rows
    wanted = only.split(",")
    if unknown := set(wanted) - {row.name for row in rows}:
        sys.exit(f"no row {', '.join(sorted(unknown))}; there are {', '.join(row.name for row in rows)}")
    return tuple(row for row in rows if row.name in wanted)


def _say(text: str) -> None:
    # Not on standard output: that is the table, or JSON.
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    suites = parser.add_subparsers(dest="suite", required=True)
    for name, rows in SUITES.items():
        suite = suites.add_parser(name)
        suite.add_argument("--only", metavar="ROW,ROW", help=", ".join(row.name for row in rows))
        if name in ("calls", "events"):
            suite.add_argument(
                "--pairs", type=int, default=20, help="pairs of slices per figure (default 20)"
            )
            suite.add_argument("--seconds", type=float, default=0.4, help="length of a slice (default 0.4)")
        else:
            suite.set_defaults(pairs=0, seconds=0.0)  # its rows say themselves how often
        suite.set_defaults(long=False)
        if name == "faults":
            suite.add_argument("--long", action="store_true", help="a million deliveries instead of 200,000")
        suite.add_argument("--json", action="store_true", help="print the figures as JSON")
        suite.add_argument("--markdown", action="store_true", help="print the table as Markdown")
        suite.add_argument("--debug", action="store_true", help="print rates and how busy each server was")
    return parser


if __name__ == "__main__":
    sys.exit(main())
