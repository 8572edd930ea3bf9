"""A router that nobody included: there is nothing wrong, and nothing there."""

from __future__ import annotations

from codegen.tests.projects import Project

APP = """
from fastapi import FastAPI
from fusewire import Fuse, Router

app = FastAPI()
fuse = Fuse(app)
notes = Router()

@notes
async def read() -> int:
    return 1
"""
HINT = "(a Router counts once it is included: fuse.include_router(router))"


def test_an_app_without_procedures_is_told_of_routers(project: Project) -> None:
    project.write("shop/backend/main.py", APP)
    done = project.run()
    assert done.returncode == 0
    assert f"0 procedures, 0 types {HINT}  " in done.stdout
    project.write("shop/backend/main.py", f"{APP}\nfuse.include_router(notes)\n")
    done = project.run()
    assert "1 procedure, 0 types  " in done.stdout
    assert HINT not in done.stdout
