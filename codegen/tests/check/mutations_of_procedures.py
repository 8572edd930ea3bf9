"""Changes of procedures, parameters, routes, errors and events."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.tests.check.cases import C, E, H, L, Mutation, R, W, app, case, model, stream


def of_procedures() -> Iterator[Mutation]:
    """All of them."""
    yield from _procedures()
    yield from _parameters()
    yield from _http()
    yield from _others()


_ERRORS = """
class Left(BaseModel):
    cents: int
class Spent(RpcError[Left], status=402): ...
class Busy(RpcError, status=503): ...
class Gone(RpcError, status=410): ...
"""


def _procedures() -> Iterator[Mutation]:
    f, g = app(), "\n@rpc\nasync def g() -> int: ...\n"
    here = "procedures.f"
    yield case("a procedure is added", f, f + g, "procedures.g")
    yield case("a procedure is removed", f + g, f, "procedures.g", C)
    yield case("a procedure is renamed", f, f.replace("f()", "fetch()"), here, C)
    yield case("a name for the wire is given", f, app(rpc="@rpc(name='fetch')"), here, C)
    yield case("a namespace is given", f, "rpc = Router(namespace='team')" + f, here, C)
    yield case(
        "a function is renamed, its name on the wire is kept",
        f,
        "@rpc.post('/f', name='f')\nasync def other() -> int: ...",
        f"{here}.doc",
    )
    yield case("a call becomes a stream", f, stream("int"), f"{here}.kind", R)
    yield case("a stream becomes a call", stream("int"), f, f"{here}.kind", R)
    yield case("the docstring changes", f, app(doc="Does that."), f"{here}.doc")
    yield case("it is deprecated", f, app(rpc="@rpc(deprecated=True)"), f"{here}.deprecated")
    yield case("a login is needed", f, app(rpc="@rpc(auth=True)"), f"{here}.auth", C)
    yield case("a login is not needed any more", app(rpc="@rpc(auth=True)"), f, f"{here}.auth")
    scoped, more = app(rpc="@rpc(scopes=['a'])"), app(rpc="@rpc(scopes=['a', 'b'])")
    yield case("a scope is needed", scoped, more, f"{here}.scopes", C)
    yield case("a scope is not needed any more", more, scoped, f"{here}.scopes")
    large, small = app("a: str", rpc="@rpc(max_bytes=2_000_000)"), app("a: str", rpc="@rpc(max_bytes=1_000)")
    yield case("the bound of a call is lowered", large, small, f"{here}.max_bytes", C)
    yield case("the bound of a call is raised", small, large, f"{here}.max_bytes")
    yield case("a bound above the usual one is given", app("a: str"), large, f"{here}.max_bytes")
    yield case("a bound below the usual one is given", app("a: str"), small, f"{here}.max_bytes", C)
    yield case("a bound above the usual one is dropped", large, app("a: str"), f"{here}.max_bytes", C)
    again, kept = app(rpc="@rpc(idempotent=True)"), app(rpc="@rpc(dedupe='10m')")
    shorter = app(rpc="@rpc(dedupe='5m')")
    yield case("it becomes idempotent", f, again, f"{here}.idempotent")
    yield case("it is idempotent no more", again, f, f"{here}.idempotent", C)
    yield case("outcomes are kept", f, kept, f"{here}.dedupe")
    yield case("outcomes are kept for longer", shorter, kept, f"{here}.dedupe")
    yield case("outcomes are kept for less long", kept, shorter, f"{here}.dedupe", C)
    yield case("outcomes are kept no more", kept, f, f"{here}.dedupe", C)
    yield from _resume()
    one, two = (
        app(rpc="@rpc(raises=[Spent])", models=_ERRORS),
        app(rpc="@rpc(raises=[Spent, Busy])", models=_ERRORS),
    )
    yield case("an error is declared", one, two, f"{here}.errors")
    yield case("an error is not raised any more", two, one, f"{here}.errors")
    swapped = app(rpc="@rpc(raises=[Spent, Gone])", models=_ERRORS)
    yield case("an error takes the place of another", two, swapped, f"{here}.errors", E)
    yield case("an error has another status", one, one.replace("402", "403"), "errors.SPENT.status", E)
    yield case(
        "an error is explained",
        one,
        one.replace("status=402): ...", "status=402):\n    'No money.'"),
        "errors.SPENT.doc",
    )
    yield case("an error's data loses a field", one, one.replace("cents: int", "pass"), "types.Left.cents", E)
    yield case(
        "an error's data gets a field",
        one,
        one.replace("cents: int", "cents: int\n    unit: str"),
        "types.Left.unit",
    )
    bare = one.replace("RpcError[Left]", "RpcError")
    yield case("an error gets data", bare, one, "errors.SPENT.data")
    yield case("an error loses its data", one, bare, "errors.SPENT.data", E)


def _resume() -> Iterator[Mutation]:
    here = "procedures.f.resume"
    plain, kept, shorter = (
        stream("int", rpc=f"@rpc({said})") for said in ("", "resume='10m'", "resume='5m'")
    )
    yield case("a stream outlives its connection", plain, kept, here)
    yield case("a stream waits longer for its reader", shorter, kept, here)
    yield case("a stream waits less long for its reader", kept, shorter, here, C)
    yield case("a stream ends with its connection", kept, plain, here, C)
    for transport, whom in (("websocket", W), ("http", H)):
        plain, kept, shorter = (
            stream("int", rpc=f"@rpc({said}transports='{transport}')")
            for said in ("", "resume='10m', ", "resume='5m', ")
        )
        yield case(f"a stream over {transport} outlives its connection", plain, kept, here)
        yield case(f"a stream over {transport} waits less long", kept, shorter, here, whom)
        yield case(f"a stream over {transport} ends with its connection", kept, plain, here, whom)
    yield case("the time is said in another way", kept, kept.replace("10m", "600s"), "")


def _parameters() -> Iterator[Mutation]:
    one, here = app("a: int"), "procedures.f.params"
    yield case("an optional parameter is added behind", one, app("a: int, b: int = 0"), f"{here}.b")
    yield case("an optional parameter is added in front", one, app("b: int = 0, a: int = 0"), here)
    yield case("a required parameter is added", one, app("a: int, b: int"), f"{here}.b", C)
    yield case("a required keyword is added", one, app("a: int, *, b: int"), f"{here}.b", C)
    yield case("a parameter is removed", app("a: int, b: int"), one, f"{here}.b", C)
    yield case("an optional parameter is removed", app("a: int, b: int = 0"), one, f"{here}.b", C)
    yield case("a parameter is renamed", one, app("amount: int"), f"{here}.a", C)
    yield case("parameters change places", app("a: int, b: int"), app("b: int, a: int"), here)
    yield case("a parameter goes by name only", app("a: int, b: int"), app("a: int, *, b: int"), f"{here}.b")
    yield case("a keyword gets a position", app("a: int, *, b: int"), app("a: int, b: int"), f"{here}.b")
    yield case("a parameter may be left out", one, app("a: int = 1"), f"{here}.a")
    yield case("a parameter is required", app("a: int = 1"), one, f"{here}.a", C)
    yield case("a default changes", app("a: int = 1"), app("a: int = 2"), f"{here}.a")
    yield case("a parameter is described", one, app("a: Annotated[int, Field(description='x')]"), f"{here}.a")
    upload = app("a: AsyncIterator[int]", rpc="@rpc(transports='websocket')")
    plain = app("a: list[int]", rpc="@rpc(transports='websocket')")
    yield case("a list becomes an upload", plain, upload, f"{here}.a", C)
    yield case("an upload becomes a list", upload, plain, f"{here}.a", C)
    yield case("the items of an upload are widened", upload, upload.replace("int]", "float]"), f"{here}.a")
    yield case(
        "the items of an upload are narrowed", upload.replace("int]", "float]"), upload, f"{here}.a", C
    )


def _http() -> Iterator[Mutation]:
    f, here = app("a: int"), "procedures.f.http"
    yield case("another verb", f, app("a: int", rpc="@rpc.put('/f')"), f"{here}.method", H)
    yield case("another path", f, app("a: int", rpc="@rpc.post('/g')"), f"{here}.path", H)
    yield case("a prefix", f, "rpc = Router(prefix='/x')" + f, f"{here}.path", H)
    yield case(
        "a parameter moves into the path", f, app("a: int", rpc="@rpc.post('/f/{a}')"), f"{here}.path", H
    )
    get, file = app("a: str", rpc="@rpc.get('/f/{a}')"), app("a: str", rpc="@rpc.get('/f/{a:path}')")
    yield case("a place in the path takes slashes", get, file, f"{here}.path")
    yield case("a place in the path takes no slashes any more", file, get, f"{here}.path", H)
    renamed = get.replace("{a}", "{b}").replace("a: str", "b: str")
    yield case("a place in the path is renamed with its parameter", get, renamed, "procedures.f.params.a", C)
    models = "class M(BaseModel):\n    x: int = 0\n"
    single = app("m: M", models=models)
    yield case(
        "a second parameter joins a single body",
        single,
        app("m: M, b: int = 0", models=models),
        f"{here}.body",
        H,
    )
    yield case("the first parameter is an optional one", app(), app("a: int = 0"), "procedures.f.params.a")
    only = "@rpc(transports='http')"
    upload, texts = app("a: UploadFile", rpc=only), app("a: Annotated[str, Form()]", rpc=only)
    yield case("a JSON body becomes a form", app("a: str", rpc=only), texts, f"{here}.body", H)
    yield case("a form becomes a JSON body", texts, app("a: str", rpc=only), f"{here}.body", H)
    perhaps = app("a: UploadFile | None = None", rpc=only)
    yield case("the first parameter is an optional file", app(rpc=only), perhaps, "procedures.f.params.a")
    yield case("a file becomes text", upload, texts, "procedures.f.params.a", C)
    yield case("text becomes a file", texts, upload, "procedures.f.params.a", C)
    several = app("a: list[UploadFile]", rpc=only)
    yield case("a file becomes several", upload, several, "procedures.f.params.a", C)
    read = app("a: Annotated[bytes, File()]", rpc=only)
    yield case("a file is read whole", upload, read, "")
    bound = app("a: Annotated[bytes, File(max_length=9)]", rpc=only)
    yield case("a file is bounded", read, bound, "procedures.f.params.a", C)
    ws, both, http = (app(rpc=f"@rpc(transports='{t}')") for t in ("websocket", "both", "http"))
    both = app()
    yield case("HTTP is dropped", both, ws, "procedures.f.transports", H)
    yield case("the WebSocket is dropped", both, http, "procedures.f.transports", W)
    yield case("HTTP is added", ws, both, "procedures.f.transports")
    yield case("the API has another prefix", f, "FUSE = {'api_prefix': '/v2'}" + f, "api_prefix", H)
    yield case("the WebSocket has another path", f, "FUSE = {'ws_path': '/ws'}" + f, "ws_path", W, L)
    yield case("the app has another name", f, "FUSE = {'name': 'shop'}" + f, "app")


def _others() -> Iterator[Mutation]:
    event, quiet = "@rpc.event\n" + model("x: int"), "@rpc.event(history=False)\n" + model("x: int")
    f = app()
    yield case("an event is added", f, f + event, "events.M")
    yield case("an event is removed", f + event, f, "events.M", L)
    yield case("an event is not kept any more", f + event, f + quiet, "events.M.history", L)
    yield case("an event is kept", f + quiet, f + event, "events.M.history")
    wide = event.replace("int", "int | None")
    yield case("heard: a field may be null", f + event, f + wide, "types.M.x", L)
    yield case("heard: a field may not be null any more", f + wide, f + event, "types.M.x")
    both = app("", "M", models=event)
    yield case(
        "heard and got: a field is removed",
        both,
        app("", "M", models="@rpc.event\n" + model()),
        "types.M.x",
        L,
        R,
    )
