"""The watcher, as a real process in a real project."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from fusewire_codegen.watch.zygote import MAX_SUPERSEDING_SECONDS

from codegen.tests.compiler import emit
from codegen.tests.projects import Project
from codegen.tests.watch.harness import Watcher, until

AT_REST = 3
"""The watcher, its zygote, and the warm process."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def test_a_renamed_field_is_written_and_told_in_one_line(project: Project) -> None:
    with Watcher(project) as watcher:
        assert len(watcher.lines) == 1
        watcher.saved(
            says="fuse.ts  written  1 procedure, 1 type  ", save=lambda: project.fields(title="string")
        )
        assert "  title: string;\n" in project.output.read_text()
        assert project.read_contract()["types"]["Item"]["required"] == ["title"]
        assert len(watcher.lines) == 2


def test_a_save_without_effect_touches_nothing(project: Project) -> None:
    with Watcher(project) as watcher:
        before = project.output.stat().st_mtime_ns
        watcher.saved(says="fuse.ts  unchanged", save=lambda: project.fields(name="string"))
        assert project.output.stat().st_mtime_ns == before


def test_a_broken_edit_keeps_the_last_good_file_and_the_next_save_recovers(project: Project) -> None:
    with Watcher(project) as watcher:
        good = project.output.read_text()
        models = "shop/backend/models.py"
        watcher.saved(says=f"{models}:2: SyntaxError", save=lambda: project.write(models, "\ndef (:\n"))
        watcher.line("the last good files are kept")
        watcher.saved(says=f"{models}:1: NameError", save=lambda: project.write(models, "FIELDS = NOPE\n"))
        watcher.saved(says="exit status 7", save=lambda: project.write(models, "import os; os._exit(7)\n"))
        assert project.output.read_text() == good
        watcher.saved(says="fuse.ts  unchanged", save=lambda: project.fields(name="string"))
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))
        assert not any("Traceback" in line for line in watcher.lines)


def test_an_app_that_is_broken_from_the_start(project: Project) -> None:
    project.write("shop/backend/models.py", "def (\n")
    with Watcher(project, first="shop/backend/models.py:1: SyntaxError") as watcher:
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(name="string"))


def test_a_contract_that_is_not_usable_is_told(project: Project) -> None:
    with Watcher(project) as watcher:
        broken = "FIELDS = {}\nimport shop.fake\nshop.fake.EMPTY['calls'] = 1\n"
        watcher.saved(
            says="the contract is not usable: calls: must be a string",
            save=lambda: project.write("shop/backend/models.py", broken),
        )
        watcher.saved(says="fuse.ts  unchanged", save=lambda: project.fields(name="string"))


def test_a_burst_of_saves_ends_with_the_last(project: Project) -> None:
    with Watcher(project) as watcher:
        most = 0
        for number in range(50):
            project.fields(**{f"field_{number:02}": "string"})
            if number % 5 == 0:
                most = max(most, len(watcher.processes()))
        watcher.output_has("field_49: string")
        # One more turn: nothing older may come behind the last.
        watcher.saved(says="fuse.ts  unchanged", save=lambda: project.write("shop/other.py", ""))
        assert "field_49: string" in project.output.read_text()
        assert most <= AT_REST + 1, "one child at a time"
        assert len(watcher.lines) < 20


def test_a_file_that_is_written_in_pieces_is_read_when_it_is_whole(project: Project) -> None:
    models = project.root / "shop/backend/models.py"
    with Watcher(project) as watcher:
        with models.open("w") as half:
            half.write("FIELDS = {'tit")
            half.flush()
            half.write("le': 'string'}\n")
        watcher.output_has("  title: string;\n")
        assert not any("SyntaxError" in line for line in watcher.lines)


def test_several_files(project: Project) -> None:
    with Watcher(project, "-o", "other/client.ts", first="fuse.ts, client.ts  written") as watcher:
        watcher.saved(
            says="fuse.ts, client.ts  written  1 procedure, 1 type",
            save=lambda: project.fields(title="string"),
        )
        assert (project.root / "other/client.ts").read_text() == project.output.read_text()
        assert len(watcher.lines) == 2


def test_a_change_of_types_alone_leaves_the_javascript_as_it_was(project: Project, tmp_path: Path) -> None:
    with Watcher(project) as watcher:
        before = project.output.read_text()
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string", price="number"))
        after = project.output.read_text()
    assert before != after
    assert emit(tmp_path / "before", before) == emit(tmp_path / "after", after)


def test_a_save_while_the_app_is_being_imported_wins(project: Project) -> None:
    with Watcher(project) as watcher:
        begun = project.root / "begun"
        slow = f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(600)\n"
        project.write("shop/backend/models.py", slow)
        until(begun.exists, "the slow import")
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))
        until(lambda: len(watcher.processes()) == AT_REST, "the end of the slow child")


def test_saves_of_one_size_in_one_second_are_told_apart(project: Project) -> None:
    with Watcher(project) as watcher:
        for name in ("mail", "text", "city", "name", "mail"):
            project.fields(**{name: "string"})
            watcher.output_has(f"  {name}: string;\n")


def test_modules_and_folders_come_move_and_go(project: Project) -> None:
    main = "from shop.fake import Fuse\nfrom {} import FIELDS\napp = Fuse(FIELDS)\n"
    with Watcher(project) as watcher:
        project.write("shop/fresh/deep/names.py", "FIELDS = {'deep': 'string'}\n")
        project.write("shop/backend/main.py", main.format("shop.fresh.deep.names"))
        watcher.output_has("deep: string")
        project.write("shop/fresh/deep/names.py", "FIELDS = {'deeper': 'string'}\n")
        watcher.output_has("deeper: string")
        (project.root / "shop/fresh").rename(project.root / "shop/moved")
        watcher.line("shop/backend/main.py:2: ModuleNotFoundError")
        project.write("shop/backend/main.py", main.format("shop.moved.deep.names"))
        project.write("shop/moved/deep/names.py", "FIELDS = {'moved': 'string'}\n")
        watcher.output_has("moved: string")
        before = len(watcher.lines)
        (project.root / "shop/moved/deep/names.py").unlink()
        watcher.line("shop/backend/main.py:2: ModuleNotFoundError", after=before)


def test_what_belongs_to_tools_is_not_watched(project: Project) -> None:
    ignored = [
        ".venv/a.py",
        "node_modules/a.py",
        "shop/__pycache__/a.py",
        ".cache/a.py",
        "web/node_modules/a.py",
    ]
    for path in ignored:
        project.write(path, "")
    project.write("env3/pyvenv.cfg", "")
    with Watcher(project) as watcher:
        for path in [*ignored, "env3/a.py", "shop/notes.txt"]:
            project.write(path, "changed = 1\n")
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))
        assert len(watcher.lines) == 2


def test_what_the_app_prints_does_not_disturb(project: Project) -> None:
    with Watcher(project) as watcher:
        noisy = "import os\nprint('x' * 100_000)\nos.write(1, b'raw\\n')\nFIELDS = {'loud': 'string'}\n"
        watcher.saved(says="fuse.ts  written", save=lambda: project.write("shop/backend/models.py", noisy))
        watcher.line("raw")


def test_a_contract_larger_than_a_pipe(project: Project) -> None:
    with Watcher(project) as watcher:
        watcher.saved(
            says="fuse.ts  written",
            save=lambda: project.write(
                "shop/backend/models.py", "FIELDS = {f'f{n}': 'string' for n in range(9000)}"
            ),
        )
        assert "  f8999: string;\n" in project.output.read_text()


def test_an_import_that_hangs_is_ended_and_told(project: Project) -> None:
    with Watcher(project, settings="hang_seconds=2") as watcher:
        noted = project.root / "pid"
        hanging = f"import os, pathlib, time\npathlib.Path({str(noted)!r}).write_text(str(os.getpid()))\n"
        watcher.saved(
            says="still being imported after 2 s",
            save=lambda: project.write("shop/backend/models.py", hanging + "time.sleep(600)\n"),
        )
        until(lambda: int(noted.read_text()) not in watcher.processes(), "the end of the child")
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))


def test_a_save_that_mends_what_hangs_is_not_kept_waiting(project: Project) -> None:
    with Watcher(project, settings="hang_seconds=600") as watcher:
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(first="string"))
        began = project.root / "began"
        hanging = f"import pathlib, time\npathlib.Path({str(began)!r}).touch()\ntime.sleep(600)\n"
        for name in ("second", "third"):
            project.write("shop/backend/models.py", hanging)
            until(began.exists, "the import that hangs")
            began.unlink()
            # After so long a save does not take the place of the one before it any more.
            time.sleep(MAX_SUPERSEDING_SECONDS + 0.1)
            project.fields(**{name: "string"})
            watcher.output_has(f"{name}: string")


def test_an_import_that_became_slow_is_answered_though_somebody_saves_all_the_time(project: Project) -> None:
    with Watcher(project, settings="hang_seconds=600") as watcher:
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(first="string"))
        numbers = count()

        def saved_again() -> bool:
            slow = (
                f'import time\ntime.sleep(2)\nFIELDS = {{"slow": "string", "f{next(numbers)}": "string"}}\n'
            )
            project.write("shop/backend/models.py", slow)
            time.sleep(0.1)
            return "  slow: string;" in project.output.read_text()

        until(saved_again, "the file, while somebody saves")


def test_a_fresh_interpreter_where_forking_is_unsafe(project: Project) -> None:
    with Watcher(project, settings="launcher='spawn'") as watcher:
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))
        bad = "FIELDS = NOPE\n"
        watcher.saved(
            says="models.py:1: NameError", save=lambda: project.write("shop/backend/models.py", bad)
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_quietly(project: Project, number: signal.Signals) -> None:
    with Watcher(project) as watcher:
        until(lambda: len(watcher.processes()) == AT_REST, "the warm process")
        assert watcher.end(number) == 0
        assert len(watcher.lines) == 1


def test_a_signal_during_an_import_ends_the_child_and_what_it_started(project: Project) -> None:
    with Watcher(project) as watcher:
        begun = project.root / "begun"
        slow = "import pathlib, subprocess, time\nsubprocess.Popen(['sleep', '600'])\n"
        slow += f"pathlib.Path({str(begun)!r}).touch()\ntime.sleep(600)\n"
        project.write("shop/backend/models.py", slow)
        until(begun.exists, "the slow import")
        assert len(watcher.processes()) >= 4
        assert watcher.end(signal.SIGINT) == 0


def test_a_signal_before_the_first_file(project: Project) -> None:
    with Watcher(project, first="") as watcher:
        watcher.zygote()
        assert watcher.end(signal.SIGTERM) == 0
        assert not any("Traceback" in line for line in watcher.lines)


def test_nothing_outlives_a_killed_watcher(project: Project) -> None:
    with Watcher(project) as watcher:
        assert watcher.end(signal.SIGKILL) == -signal.SIGKILL


def test_a_zygote_that_dies_is_replaced(project: Project) -> None:
    with Watcher(project) as watcher:
        first = watcher.zygote()
        os.kill(first, signal.SIGKILL)
        watcher.line("the helper process ended (exit status -9); starting another")
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))
        assert watcher.zygote() != first


@pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml"])
def test_other_packages_ask_for_another_zygote(project: Project, name: str) -> None:
    with Watcher(project) as watcher:
        first = watcher.zygote()
        project.write(name, "")
        until(lambda: first not in watcher.processes(), "the end of the first zygote")
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))
        assert not any("ended" in line for line in watcher.lines)


def _package(folder: Path, name: str, more: str = "") -> Path:
    """An installed package that notes in a file which processes import it."""
    noted = folder / f"{name}.pids"
    noted.touch()
    note = f"import os\nwith open({str(noted)!r}, 'a') as file: file.write(f'{{os.getpid()}}\\n')\n"
    (folder / f"{name}.py").write_text(note + more)
    return noted


def test_packages_are_imported_once_and_the_users_code_never_by_the_zygote(
    project: Project, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    imports = _package(site, "heavy")
    own = project.root / "own.pids"
    project.write(
        "shop/backend/main.py", (project.root / "shop/backend/main.py").read_text() + "import heavy\n"
    )

    def save(name: str) -> None:
        note = f"import os\nwith open({str(own)!r}, 'a') as file: file.write(f'{{os.getpid()}}\\n')\n"
        project.write("shop/backend/models.py", f"{note}FIELDS = {{'{name}': 'string'}}\n")

    with Watcher(project, PYTHONPATH=str(site)) as watcher:
        zygote = str(watcher.zygote())
        until(lambda: zygote in imports.read_text().split(), "the import in the zygote")
        known = imports.read_text()
        for name in ("first", "second", "third"):
            save(name)
            watcher.output_has(f"{name}: string")
        assert imports.read_text() == known
        assert zygote not in own.read_text().split()
        assert len(set(own.read_text().split())) == len(own.read_text().split()) >= 3


def test_a_package_that_starts_threads_is_left_to_the_children(project: Project, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    thread = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    imports = _package(site, "threaded", thread)
    project.write(
        "shop/backend/main.py", (project.root / "shop/backend/main.py").read_text() + "import threaded\n"
    )
    with Watcher(project, PYTHONPATH=str(site)) as watcher:
        until(lambda: len(imports.read_text().split()) >= 2, "the import in the zygote")
        unfit = int(imports.read_text().split()[1])
        until(lambda: unfit not in watcher.processes(), "the end of that zygote")
        for name in ("first", "second"):
            project.fields(**{name: "string"})
            watcher.output_has(f"{name}: string")
        assert str(watcher.zygote()) not in imports.read_text().split()
        assert len(imports.read_text().split()) >= 4


def _noted_module(project: Project, path: str, more: str = "") -> Path:
    """A module of the project that notes in a file which processes run it."""
    noted = project.root / f"{path.replace('/', '.')}.pids"
    noted.touch()
    note = f"import os\nwith open({str(noted)!r}, 'a') as file: file.write(f'{{os.getpid()}}\\n')\n"
    project.write(path, note + more)
    return noted


def _main_imports(project: Project, more: str) -> None:
    main = (project.root / "shop/backend/main.py").read_text()
    project.write("shop/backend/main.py", more + main)


def test_what_a_change_does_not_reach_is_not_imported_again(project: Project) -> None:
    ran = _noted_module(project, "shop/steady.py")
    package = _noted_module(
        project, "shop/rpc/__init__.py", "from . import calls\nfrom shop.backend import models\n"
    )
    inside = _noted_module(project, "shop/rpc/calls.py")
    _main_imports(project, "import shop.steady\nimport shop.rpc\n")
    names = (f"field_{number}" for number in count())

    def runs_only_the_package() -> bool:
        before, packages = ran.read_text() + inside.read_text(), package.read_text()
        name = next(names)
        project.fields(**{name: "string"})
        watcher.output_has(f"{name}: string")
        assert len(package.read_text()) > len(packages)
        return ran.read_text() + inside.read_text() == before

    with Watcher(project, settings="confirm_seconds=600") as watcher:
        until(runs_only_the_package, "a change that imports nothing else again")
        assert runs_only_the_package()
        project.write("shop/steady.py", "import shop.fake\nshop.fake.EMPTY['app'] = 'other'\n")
        watcher.line("fuse.contract.json  written")
        assert project.read_contract()["app"] == "other"


def test_the_first_save_of_a_file_imports_little_else(project: Project) -> None:
    parts = [f"shop/part{number}.py" for number in range(12)]
    # An app that is imported in no time has no use for reserves.
    slow = "import time\nstarted = time.process_time()\nwhile time.process_time() < started + 0.1: pass\n"
    project.write("shop/slow.py", slow)
    noted = [_noted_module(project, part) for part in parts]
    _main_imports(
        project, "import shop.slow\n" + "".join(f"import shop.part{number}\n" for number in range(12))
    )
    turns = count()

    def runs_of(name: str, saved: int) -> list[str]:
        before = [file.read_text() for file in noted]
        # Whichever is imported last, the newest name stays.
        more = f"from shop.fake import EMPTY\nEMPTY['app'] = max(EMPTY['app'], {name!r})\n"
        _noted_module(project, parts[saved], more)
        until(lambda: project.read_contract()["app"] == name, f"the app {name}, {watcher.lines}")
        return [
            part for part, file, text in zip(parts, noted, before, strict=True) if file.read_text() != text
        ]

    def runs_few() -> bool:
        # Of twelve in turn, each was not among those saved last.
        turn = next(turns)
        until(
            lambda: len(watcher.processes()) == 10, "the watcher, its helper, the main process and 7 reserves"
        )
        return parts[turn % 12] in (ran := runs_of(f"zoo {turn:04}", turn % 12)) and len(ran) <= 4

    with Watcher(project, settings="confirm_seconds=600") as watcher:
        until(runs_few, "a first save that imports little else")


def test_an_app_that_depends_on_the_order_of_its_imports_is_right_in_the_end(project: Project) -> None:
    project.write("shop/later.py", "import os\nNAME = os.environ.get('FIRST', 'nothing')\n")
    _main_imports(project, "import shop.backend.models\nimport shop.later\n")
    with (project.root / "shop/backend/main.py").open("a") as main:
        main.write("FIELDS[shop.later.NAME] = 'string'\n")

    def save(name: str) -> None:
        project.write("shop/backend/models.py", f"import os\nos.environ['FIRST'] = {name!r}\nFIELDS = {{}}\n")

    with Watcher(project, settings="confirm_seconds=0.1") as watcher:
        for name in ("one", "two", "three", "four", "five"):
            save(name)
            watcher.output_has(f"  {name}: string;\n")


def test_the_users_threads_are_left_to_the_children(project: Project) -> None:
    threads = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    ran = _noted_module(project, "shop/threads.py", threads)
    _main_imports(project, "import shop.threads\n")
    with Watcher(project) as watcher:
        for name in ("first", "second", "third"):
            watcher.saved(says="fuse.ts  written", save=partial(project.fields, **{name: "string"}))
        assert len(set(ran.read_text().split())) >= 4


def test_a_warm_process_that_is_killed_is_not_missed(project: Project) -> None:
    with Watcher(project) as watcher:
        looks: list[set[int]] = []

        def warm() -> int | None:
            """The one that stays: a child that answers is gone after a few looks."""
            looks.append(set(watcher.processes()) - {watcher.process.pid, watcher.zygote()})
            return min(looks[-1]) if len(looks[-1]) == 1 and looks[-60:].count(looks[-1]) == 60 else None

        os.kill(until(warm, "the warm process") or 0, signal.SIGKILL)
        watcher.saved(says="fuse.ts  written", save=lambda: project.fields(title="string"))
