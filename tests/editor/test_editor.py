"""What an editor shows of a generated client: TypeScript's language service is asked, as editors ask it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TypedDict

import pytest
from fusewire_codegen.contract import validate
from fusewire_codegen.typescript import render

from tests.mistakes.main import fuse
from tests.support.typescript import OPTIONS, ROOT, need_typescript

HERE = Path(__file__).parent
TEMPLATE = ROOT / "app" / "frontend" / "src" / "lib" / "fuse.ts"

# What is asked about stands behind `/*name*/`.
PAGE = """
import { connect, isError, safe } from "./template";
import { connect as connectOther } from "./fuse";

const client = connect();
const other = connectOther();

client./*template call*/start_job("job_1");
client./*template stream*/chat("hi");
client.on("JobStatus", (/*event*/status) => status./*event field*/progress);
other./*google*/start_job("job_1", { /*option*/dry_run: true });
other./*numpy and upload*/save("rows", []);
other.draw({ /*field*/radius: 1 });
other.teams./*namespace*/rename(1, "Blue");
export async function outcome() {
  const { error } = await /*safe*/safe(client.start_job("job_1"));
  if (error) console.log(/*any error*/error);
  if (isError(error, "JOB_RUNNING")) console.log(/*one error*/error);
  if (isError(error, "RATE_LIMITED")) console.log(error.data./*standard data*/retry_after);
}
"""


class Shown(TypedDict):
    """`signature`, `text` and `tags` of the hover; `file` and `line` of the definition."""

    signature: str
    text: str
    tags: list[str]
    file: str
    line: str


@pytest.fixture(name="shown", scope="module")
def fixture_shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """What is shown at each place of the page, by its name."""
    need_typescript()
    folder = tmp_path_factory.mktemp("editor")
    files = {
        "page.ts": PAGE,
        "template.ts": TEMPLATE.read_text(),
        "fuse.ts": render(validate(fuse.contract()), "tests.mistakes.main:fuse"),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    places = {found[1]: found.end() for found in re.finditer(r"/\*(.+?)\*/", PAGE)}
    question = {
        "folder": str(folder),
        "options": OPTIONS,
        "files": list(files),
        "ask": [["page.ts", place] for place in places.values()],
    }
    done = subprocess.run(
        ["node", HERE / "ask.mjs"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["errors"] == []
    return dict(zip(places, answer["answers"], strict=True))


def test_a_procedure_of_the_template_app(shown: dict[str, Shown]) -> None:
    call = shown["template call"]
    assert call["signature"].startswith("(method) Procedures.start_job(job_id: string, options?: {")
    assert call["signature"].endswith('Call<JobStarted, "JOBS_BUSY" | "JOB_RUNNING">')
    assert call["text"].startswith("Starts a job and returns at once")
    assert "@param job_id - (minLength 1, maxLength 64)" in call["tags"]
    assert "@throws JOB_RUNNING - That job is running already." in call["tags"]
    stream = shown["template stream"]
    assert "Stream<string, " in stream["signature"]


def test_a_docstring_in_googles_style(shown: dict[str, Shown]) -> None:
    assert shown["google"]["text"] == "Start a job.\n\nIt runs on when nobody listens."
    assert shown["google"]["tags"] == [
        "@param job_id - Which one. (minLength 1, maxLength 64)",
        "@param options.dry_run - Only check whether it could begin. (default false)",
        "@returns Whether it began.",
        "@throws BUDGET_SPENT - Nothing is left of the budget.",
        "@throws JOB_RUNNING - That job is running already.",
    ]


def test_a_docstring_in_numpys_style_and_an_upload(shown: dict[str, Shown]) -> None:
    assert shown["numpy and upload"]["signature"].endswith(
        "(name: string, rows: Upload<Team>): Promise<number>"
    )
    assert shown["numpy and upload"]["tags"] == [
        "@param name - Under which they are kept.",
        "@param rows - Sent item by item, as fast as Python reads. In any order.",
    ]


def test_a_field_and_its_constraints(shown: dict[str, Shown]) -> None:
    assert shown["field"]["text"] == "In millimetres."
    assert shown["field"]["tags"] == ["@exclusiveMinimum 0"]


def test_an_event(shown: dict[str, Shown]) -> None:
    assert shown["event"]["signature"] == "(parameter) status: JobStatus"
    assert shown["event field"]["signature"] == "(property) JobStatus.progress: number"


def test_errors_stay_readable(shown: dict[str, Shown]) -> None:
    codes = '"JOBS_BUSY" | "JOB_RUNNING"'
    assert shown["any error"]["signature"] == f"const error: Failure<Errors, {codes}>"
    assert shown["one error"]["signature"] == 'const error: RpcError<"JOB_RUNNING", undefined>'
    assert shown["standard data"]["text"] == "In seconds."
    assert "never rejects" in shown["safe"]["text"]


@pytest.mark.parametrize(
    ("place", "file", "line"),
    [
        ("template call", "template.ts", "start_job(job_id: string, options?: { dry_run?: boolean }): Call<"),
        ("option", "fuse.ts", "start_job(job_id: string, options?: { dry_run?: boolean }): Call<"),
        ("namespace", "fuse.ts", "rename(team_id: number, name: string): Promise<Team>;"),
        ("event field", "template.ts", "progress: number;"),
        ("field", "fuse.ts", "radius: number;"),
        ("safe", "template.ts", "export const safe: Safe<Errors> = "),
    ],
)
def test_the_definition_is_a_line_to_read(shown: dict[str, Shown], place: str, file: str, line: str) -> None:
    assert Path(shown[place]["file"]).name == file
    assert shown[place]["line"].startswith(line)
