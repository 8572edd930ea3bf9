"""A program that only calls does not pay for the server."""

import subprocess
import sys

import fusewire

PROGRAM = """
import sys
import fusewire.client.typed
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"fastapi", "starlette", "limits", "redis", "uvicorn", "httpx"}))
"""


def test_the_client_imports_nothing_of_the_server() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


def test_all_names_of_the_package_are_there() -> None:
    for name in fusewire.__all__:
        assert getattr(fusewire, name).__name__ == name or name in ("BigInt", "NaiveDatetime")
