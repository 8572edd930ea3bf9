"""Procedures that take a form: files, text, and who may send one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, File, Form, UploadFile
from fusewire import Bounds, Fuse
from pydantic import BaseModel, Field

from tests.support.callers import CallError, calling
from tests.support.server import serving

OTHER = "https://admin.example.com"


class Profile(BaseModel):
    name: str = Field(alias="full name")
    age: int | None = None
    tags: list[str] = []
    picture: UploadFile | None = None


class Notebook:
    """What the procedures of one test have seen."""

    def __init__(self) -> None:
        self.files: list[UploadFile] = []
        self.waiting = asyncio.Event()
        self.stopped = asyncio.Event()


@pytest.fixture
def seen() -> Notebook:
    return Notebook()


@pytest.fixture
def fuse(seen: Notebook) -> Fuse:
    fuse = Fuse(FastAPI(), origins=[OTHER], bounds=Bounds(form_fields=5, form_files=3, message_bytes=100_000))

    def size(width: Annotated[int, Form(gt=0)] = 1) -> int:
        return width

    @fuse.rpc(transports="http")
    async def avatar(
        file: UploadFile,
        note: str = "none",
        *,
        tags: list[str] = [],  # noqa: B006  # FastAPI's way to write it
        width: Annotated[int, Depends(size)],
    ) -> list[Any]:
        seen.files.append(file)
        return [file.filename, file.content_type, (await file.read()).decode(), note, tags, width]

    @fuse.rpc(transports="http")
    async def album(
        pictures: list[UploadFile],
        cover: Annotated[bytes, File(max_length=10, alias="the cover")] = b"",
        extra: UploadFile | None = None,
        raw: bytes = b"",
    ) -> list[Any]:
        seen.files += pictures
        return [[p.filename for p in pictures], cover.decode(), extra and extra.filename, raw.hex()]

    @fuse.rpc.put("/users/{user}/profile", transports="http")
    async def save(user: int, profile: Annotated[Profile, Form()]) -> list[Any]:
        picture = profile.picture and (await profile.picture.read()).decode()
        return [user, profile.name, profile.age, profile.tags, picture]

    @fuse.rpc(transports="http", max_bytes=3_000_000)
    async def large(file: UploadFile, how: str, tasks: BackgroundTasks) -> int | None:
        seen.files.append(file)
        if how == "fails":
            raise ValueError("a bug")
        if how == "waits":
            seen.waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                # Clean-up still has it.
                await file.read()
                seen.stopped.set()
        tasks.add_task(file.seek, 0)
        return file.size

    @fuse.rpc(transports="http", max_bytes=3_000_000, timeout=0.2)
    async def limited(file: UploadFile) -> None:
        seen.files.append(file)
        await asyncio.Event().wait()

    @fuse.rpc(transports="http")
    async def lines(file: UploadFile) -> AsyncIterator[str]:
        seen.files.append(file)
        for line in file.file:
            yield line.decode().strip()

    @fuse.rpc(transports="http")
    async def subscribe(
        email: Annotated[str, Form(min_length=3)], often: Annotated[bool, Form()] = False
    ) -> str:
        return f"{email} {often}"

    return fuse


@pytest.fixture
async def http(fuse: Fuse) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(fuse.app) as host,
        httpx.AsyncClient(base_url=f"http://{host}/api", timeout=10) as client,
    ):
        yield client


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every file that a form was read into."""
    made: list[Any] = []

    class Kept(SpooledTemporaryFile):  # type: ignore[type-arg]  # as starlette uses it
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.written = 0
            made.append(self)

        def write(self, data: Any) -> int:
            self.written += len(data)
            return super().write(data)

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", Kept)
    return made


def text(name: str, value: str) -> tuple[str, tuple[None, str]]:
    """A part without a file name."""
    return name, (None, value)


async def test_files_and_text(http: httpx.AsyncClient) -> None:
    parts: list[Any] = [
        ("file", ("a.txt", b"hello", "text/plain")),
        text("tags", "x"),
        text("tags", "y"),
        text("width", "3"),
    ]
    answer = await http.post("/avatar", files=parts)
    assert answer.json() == ["a.txt", "text/plain", "hello", "none", ["x", "y"], 3]
    answer = await http.post("/avatar", files={"file": ("b", b"")}, data={"note": "ä"})
    assert answer.json() == ["b", "application/octet-stream", "", "ä", [], 1]


async def test_lists_of_files_bytes_and_none(http: httpx.AsyncClient) -> None:
    parts: list[Any] = [("pictures", ("1", b"a")), ("pictures", ("2", b"b"))]
    assert (await http.post("/album", files=parts)).json() == [["1", "2"], "", None, ""]
    # An input of a page that was left empty is a file without a name.
    parts = [("pictures", ("1", b"a")), ("extra", ("", b"")), text("raw", "_w==")]
    assert (await http.post("/album", files=parts)).json() == [["1"], "", None, "ff"]
    parts = [("the cover", ("c", b"cover")), ("extra", ("e", b""))]
    answer = await http.post("/album", files=parts)
    assert answer.json()["detail"] == [
        {"type": "missing", "loc": ["body", "pictures"], "msg": "Field required"}
    ]
    parts = [("pictures", ("1", b"a")), ("the cover", ("c", b"\x80" * 11))]
    answer = await http.post("/album", files=parts)
    assert [(each["type"], each["loc"]) for each in answer.json()["detail"]] == [
        ("bytes_too_long", ["body", "the cover"])
    ]


async def test_a_form_without_files(http: httpx.AsyncClient) -> None:
    assert (await http.post("/subscribe", data={"email": "a@b", "often": "true"})).json() == "a@b True"
    assert (await http.post("/subscribe", files=[text("email", "a@b")])).json() == "a@b False"
    answer = await http.post("/subscribe", data={"email": "a"})
    assert answer.status_code == 422
    assert [(each["type"], each["loc"]) for each in answer.json()["detail"]] == [
        ("string_too_short", ["body", "email"])
    ]
    assert (await http.post("/subscribe")).json()["detail"][0]["loc"] == ["body", "email"]


async def test_a_model_is_the_whole_form(http: httpx.AsyncClient) -> None:
    data = {"full name": "Ada", "age": "", "tags": ["a", "b"]}
    answer = await http.put("/users/7/profile", data=data, files={"picture": ("p", b"face")})
    assert answer.json() == [7, "Ada", None, ["a", "b"], "face"]
    answer = await http.put("/users/7/profile", data={"age": "old"})
    assert [each["loc"] for each in answer.json()["detail"]] == [["body", "full name"], ["body", "age"]]


@pytest.mark.parametrize("value", ["", "7"])
async def test_an_empty_text_is_a_value_where_the_type_has_it(fuse: Fuse, value: str) -> None:
    @fuse.rpc(transports="http")
    async def emptied(a: Annotated[int, Form()] = 1, b: str = "default") -> list[Any]:
        return [a, b]

    async with serving(fuse.app) as host, httpx.AsyncClient(base_url=f"http://{host}/api") as client:
        answer = await client.post("/emptied", data={"a": value, "b": value})
    assert answer.json() == [int(value or 1), value]


async def test_what_does_not_fit(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/avatar", files=[text("file", "hunter2"), ("note", ("n", b"x")), text("width", "0")]
    )
    assert answer.status_code == 422
    found = {tuple(each["loc"]): each["type"] for each in answer.json()["detail"]}
    assert found == {
        ("body", "width"): "greater_than",
        ("body", "file"): "value_error",
        ("body", "note"): "string_type",
    }
    assert "hunter2" not in answer.text


async def test_what_is_no_form(http: httpx.AsyncClient) -> None:
    answer = await http.post("/avatar", json={"file": "x"})
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    kind = {"content-type": "multipart/form-data; boundary=b"}
    for body in (b"nonsense", b'--b\r\ncontent-disposition: form-data; name="note"\r\n\r\nx'):
        answer = await http.post("/avatar", content=body, headers=kind)
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "form_invalid")
    answer = await http.post("/avatar", content=b"x", headers={"content-type": "multipart/form-data"})
    assert answer.json()["detail"][0]["msg"] == "Missing boundary in multipart."


async def test_a_form_is_bounded(http: httpx.AsyncClient, seen: Notebook, opened: list[Any]) -> None:
    async def long() -> AsyncIterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 50_000

    kind = {"content-type": "multipart/form-data; boundary=b"}
    for content in (b"x" * 100_001, long()):
        answer = await http.post("/avatar", content=content, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    # One that says its length is not read at all, one that does not no further than its bound.
    assert [file.written for file in opened] == [pytest.approx(50_000, abs=50_000)]
    files: list[Any] = [("file", (str(n), b"")) for n in range(4)]
    texts = [text("tags", str(n)) for n in range(6)]
    for parts in (files, texts):
        answer = await http.post("/avatar", files=parts)
        assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
        assert answer.json()["detail"].startswith("Too many")
    answer = await http.post("/subscribe", data={"email": [str(n) for n in range(6)]})
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    assert seen.files == []


async def test_a_procedures_own_bound(http: httpx.AsyncClient) -> None:
    data = b"x" * 2_000_000
    answer = await http.post("/large", files={"file": ("f", data)}, data={"how": "works"})
    assert answer.json() == len(data)
    answer = await http.post("/large", files={"file": ("f", data * 2)}, data={"how": "works"})
    assert answer.status_code == 413


@pytest.mark.parametrize("size", [10, 2_000_000])
async def test_files_are_closed_however_the_call_ends(
    http: httpx.AsyncClient, seen: Notebook, opened: list[Any], size: int
) -> None:
    files = {"file": ("f", b"x" * size)}
    assert (await http.post("/large", files=files, data={"how": "works"})).json() == size
    assert (await http.post("/large", files=files, data={"how": "fails"})).status_code == 500
    assert (await http.post("/large", files=files)).status_code == 422
    assert (await http.post("/limited", files=files)).json()["code"] == "DEADLINE_EXCEEDED"
    assert (
        await http.post(
            "/avatar", files={"a": ("f", b"x"), "b": ("f", b"x"), "c": ("f", b"x"), "d": ("f", b"")}
        )
    ).status_code == 413
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/large", files=files, data={"how": "waits"}, timeout=httpx.Timeout(10, read=0.2))
    await asyncio.wait_for(seen.stopped.wait(), 5)
    # Each later request has found the task of the one before at its end.
    assert (await http.post("/subscribe", data={"email": "a@b"})).status_code == 200
    assert len(opened) == 8
    assert all(file.closed for file in opened)


async def test_a_stream_reads_the_file_while_it_goes(http: httpx.AsyncClient, seen: Notebook) -> None:
    answer = await http.post("/lines", files={"file": ("f", b"a\nb\n")})
    assert answer.text == '"a"\n"b"\n'
    assert seen.files[0].file.closed


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        ("http://{host}", True),
        (OTHER, True),
        ("https://evil.example", False),
        ("https://{host}.evil.example", False),
        ("null", False),
    ],
)
async def test_no_other_site_sends_a_form(
    fuse: Fuse, http: httpx.AsyncClient, seen: Notebook, origin: str | None, passes: bool
) -> None:
    host = http.base_url.netloc.decode()
    headers = {"origin": origin.format(host=host)} if origin is not None else {}
    answer = await http.post("/avatar", files={"file": ("f", b"x")}, headers=headers)
    if passes:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "ORIGIN_NOT_ALLOWED")
        assert seen.files == []
    answer = await http.post("/subscribe", data={"email": "a@b"}, headers=headers)
    assert answer.status_code == (200 if passes else 403)


async def test_from_the_python_client(fuse: Fuse) -> None:
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(serving(fuse.app))
        for transport in ("python", "python-http"):
            caller = await stack.enter_async_context(calling(transport, host, fuse.contract()))
            file = ("a.txt", b"hello", "text/plain")
            found = await caller.call("avatar", file, "", tags=["x"], width=2)
            assert found == ["a.txt", "text/plain", "hello", "", ["x"], 2]
            assert await caller.call("album", [b"a", ("b", b"b")], b"cover") == [
                ["file", "b"],
                "cover",
                None,
                "",
            ]
            assert await caller.call("subscribe", "a@b", often=True) == "a@b True"
            assert [line async for line in caller.stream("lines", b"a\nb")] == ["a", "b"]
            with pytest.raises(CallError) as caught:
                await caller.call("subscribe", "a")
            assert caught.value.code == "INVALID_ARGUMENT"
            assert caught.value.detail[0]["loc"] == ["body", "email"]
