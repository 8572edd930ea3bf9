"""Apps of any size, the same for us, ephaptic and tRPC: for each procedure a model that comes in and one that goes out."""

from __future__ import annotations

import os
import time
from pathlib import Path

EACH = 10
"""Procedures in a module; their number is what grows with an app, not their size."""
A_DAY = 86400.0

_PYTHON_MODEL = """
class {name}(BaseModel):
    {doc}
    id: int
    title: str = Field(min_length=1, max_length=100)
    tags: list[str] = []
    parent: int | None = None
    {field}: dict[str, float]
"""
_PYTHON_PROCEDURE = '''
{decorator}
async def {name}({parameters}) -> {result}:
    """Does number {number}."""
    raise RuntimeError("never called")
'''
_ZOD_MODEL = """
const {name} = z.object({{
  id: z.number().int(),
  title: z.string().min(1).max(100),
  tags: z.array(z.string()){default},
  parent: z.number().int().nullable(){default_null},
  weights: z.record(z.string(), z.number()),
}});
"""
_ZOD_PROCEDURE = """  procedure_{number}: t.procedure
    .input(z.object({{ item: In{part}x{number}, page: z.number().int().default(1), dry_run: z.boolean().default(false) }}))
    .output(z.array(Out{part}x{number}))
    .mutation(() => {{
      throw new Error("never called");
    }}),
"""


class App:
    """`shop.main` with `procedures` procedures in modules of `EACH`, in `root`. `is_peer`: for ephaptic."""

    def __init__(self, root: Path, procedures: int, *, is_peer: bool = False) -> None:
        self.root = root
        self.output = root / ("fuse.d.ts" if is_peer else "fuse.ts")
        self.parts = max(1, procedures // EACH)
        self._each = min(EACH, procedures)
        self._write_module = self._peer_module if is_peer else self._module
        (root / "shop").mkdir(parents=True)
        for part in range(self.parts):
            self.module(part).write_text(self._write_module(part, "weights"))
        (root / "shop" / "main.py").write_text(self._peer_main() if is_peer else self._main())
        # A day old, like most of an app.
        for file in (root / "shop").iterdir():
            os.utime(file, (time.time() - A_DAY,) * 2)

    def module(self, part: int) -> Path:
        return self.root / "shop" / f"part{part}.py"

    def save(self, part: int, field: str) -> None:
        """Rename a field in the models of one module, as an editor would save it."""
        self.module(part).write_text(self._write_module(part, field))

    def _module(self, part: int, field: str) -> str:
        head = (
            "from fusewire import Router\nfrom pydantic import BaseModel, Field\n\n"
            f'rpc = Router(prefix="/part{part}", tags=["part{part}"], namespace="part{part}")\n'
        )
        texts = [head, *self._models(part, field)]
        return "".join([*texts, *self._procedures(part, "@rpc", "procedure_{}", "*, dry_run: bool = False")])

    def _peer_module(self, part: int, field: str) -> str:
        texts = ["from pydantic import BaseModel, Field\n\nexposed = []\n", *self._models(part, field)]
        name = f"part{part}_procedure_{{}}"
        return "".join([*texts, *self._procedures(part, "@exposed.append", name, "dry_run: bool = False")])

    def _procedures(self, part: int, decorator: str, name: str, last: str) -> list[str]:
        return [
            _PYTHON_PROCEDURE.format(
                decorator=decorator,
                name=name.format(number),
                parameters=f"item: In{part}x{number}, page: int = 1, {last}",
                result=f"list[Out{part}x{number}]",
                number=number,
            )
            for number in range(self._each)
        ]

    def _models(self, part: int, field: str) -> list[str]:
        return [
            _PYTHON_MODEL.format(name=f"{way}{part}x{number}", field=field, doc=f'"""What {way.lower()}s."""')
            for number in range(self._each)
            for way in ("In", "Out")
        ]

    def _main(self) -> str:
        imports = "".join(f"from shop import part{part}\n" for part in range(self.parts))
        includes = "".join(f"fuse.include_router(part{part}.rpc)\n" for part in range(self.parts))
        return f"from fastapi import FastAPI\nfrom fusewire import Fuse\n\n{imports}\napp = FastAPI()\nfuse = Fuse(app)\n{includes}"

    def _peer_main(self) -> str:
        imports = "".join(f"from shop import part{part}\n" for part in range(self.parts))
        lists = ", ".join(f"*part{part}.exposed" for part in range(self.parts))
        return (
            f"from fastapi import FastAPI\nfrom ephaptic import Ephaptic\n\n{imports}\napp = FastAPI()\n"
            f"ephaptic = Ephaptic.from_app(app)\nfor procedure in ({lists},):\n    ephaptic.expose(procedure)\n"
        )


def write_trpc(folder: Path, procedures: int) -> None:
    """`router.ts`: the same procedures and models as `App`, with zod, in modules of `EACH`."""
    folder.mkdir(parents=True)
    (folder / "trpc.ts").write_text(
        'import { initTRPC } from "@trpc/server";\n\nexport const t = initTRPC.create();\n'
    )
    parts = range(procedures // EACH)
    for part in parts:
        (folder / f"part{part}.ts").write_text(_trpc_module(part))
    imports = "".join(f'import {{ part{part} }} from "./part{part}.js";\n' for part in parts)
    names = "".join(f"  part{part},\n" for part in parts)
    (folder / "router.ts").write_text(
        f'{imports}import {{ t }} from "./trpc.js";\n\nexport const appRouter = t.router({{\n{names}}});\n\n'
        "export type AppRouter = typeof appRouter;\n"
    )


def _trpc_module(part: int) -> str:
    texts = ['import { z } from "zod";\nimport { t } from "./trpc.js";\n']
    for number in range(EACH):
        for way, default, default_null in (("In", ".default([])", ".default(null)"), ("Out", "", "")):
            name = f"{way}{part}x{number}"
            texts.append(_ZOD_MODEL.format(name=name, default=default, default_null=default_null))
    texts.append(f"\nexport const part{part} = t.router({{\n")
    texts += [_ZOD_PROCEDURE.format(part=part, number=number) for number in range(EACH)]
    return "".join([*texts, "});\n"])
