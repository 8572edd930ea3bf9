"""A user's project in a temporary folder, and the real command run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from codegen.tests.contracts import contract, procedure

COMMAND = Path(sys.executable).with_name("fusewire")
TARGET = "shop.backend.main:app"
OUTPUT = "web/fuse.ts"
# Users' Python writes bytecode, whatever the one that runs the tests was told.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

_FUSE = '''
"""Stands for a `fusewire.Fuse`: an object with a contract."""
import copy

class Fuse:
    def __init__(self, fields):
        self.fields = fields

    def contract(self):
        made = copy.deepcopy(EMPTY)
        properties = {name: {"type": kind} for name, kind in self.fields.items()}
        made["types"]["Item"] = {"type": "object", "properties": properties, "required": sorted(properties)}
        return made

EMPTY = '''

_MAIN = """
from shop.backend.models import FIELDS
from shop.fake import Fuse

app = Fuse(FIELDS)
"""


class Project:
    """`shop/backend/main.py` makes the app from `shop/backend/models.py`, whose fields end up in one interface."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.output = root / OUTPUT
        self.contract = root / "shop" / "backend" / "fuse.contract.json"
        made = contract(procedures={"f": procedure(result={"$ref": "#/types/Item"})})
        self.write("shop/fake.py", _FUSE + repr(made))
        self.write("shop/backend/main.py", _MAIN)
        self.fields(name="string")

    def write(self, path: str, text: str) -> Path:
        """Save a file of the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def fields(self, **fields: str) -> None:
        """Save the models so that the interface has these fields, by JSON type."""
        self.write("shop/backend/models.py", f"FIELDS = {json.dumps(fields)}\n")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`fusewire generate shop.backend.main:app -o web/fuse.ts` with more arguments."""
        return self.command("generate", TARGET, "-o", OUTPUT, *arguments)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`fusewire` with these arguments."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.root,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def read_contract(self) -> Any:
        """The contract file."""
        return json.loads(self.contract.read_text())
