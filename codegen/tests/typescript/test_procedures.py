"""Signatures and the descriptor."""

from __future__ import annotations

from typing import Any

import pytest
from fusewire_codegen.contract import ContractError, validate
from fusewire_codegen.typescript import render
from fusewire_codegen.typescript.descriptor import declare_descriptor
from fusewire_codegen.typescript.procedures import declare_procedures
from fusewire_codegen.typescript.types import TypeWriter

from codegen.tests.contracts import contract, param, procedure, upload


def signature(*params: dict[str, Any], **more: Any) -> str:
    made = validate(contract(procedures={"f": procedure(*params, **more)}))
    return declare_procedures(made, TypeWriter({}))[-2].strip()


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([], "f(): Promise<null>;"),
        ([param("a")], "f(a: string): Promise<null>;"),
        ([param("a", required=False)], "f(a?: string): Promise<null>;"),
        ([param("a", required=False), param("b")], "f(a: string | undefined, b: string): Promise<null>;"),
        ([param("a", keyword=True)], "f(options: { a: string }): Promise<null>;"),
        ([param("a", required=False, keyword=True)], "f(options?: { a?: string }): Promise<null>;"),
        (
            [param("a", required=False), param("b", keyword=True)],
            "f(a: string | undefined, options: { b: string }): Promise<null>;",
        ),
        (
            [param("a", required=False), param("b", required=False, keyword=True)],
            "f(a?: string, options?: { b?: string }): Promise<null>;",
        ),
        (
            [param("options"), param("a", keyword=True)],
            "f(options: string, options_: { a: string }): Promise<null>;",
        ),
        ([param("delete"), param("x-y")], "f(delete_: string, x_y: string): Promise<null>;"),
    ],
)
def test_signature(params: list[dict[str, Any]], expected: str) -> None:
    assert signature(*params) == expected


def test_a_stream_is_no_promise() -> None:
    assert signature(kind="stream", result={"type": "integer"}) == "f(): Stream<number>;"


def test_a_result_knows_its_errors() -> None:
    declared = {"A": {"status": 400}, "B_2": {"status": 400}}
    for kind, expected in (
        ("call", 'f(): Call<null, "A" | "B_2">;'),
        ("stream", 'f(): Stream<null, "A" | "B_2">;'),
    ):
        made = validate(
            contract(procedures={"f": procedure(kind=kind, errors=["B_2", "A"])}, errors=declared)
        )
        assert declare_procedures(made, TypeWriter({}))[-2].strip() == expected


STRINGS = "Upload<string>"
OVER_WEBSOCKET: dict[str, Any] = {"http": None, "transports": ["websocket"]}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([upload()], f"f(items: {STRINGS}): Promise<null>;"),
        (
            [upload("delete"), param("a", required=False)],
            f"f(delete_: {STRINGS}, a?: string): Promise<null>;",
        ),
        (
            [param("a", required=False), upload(keyword=True)],
            f"f(a: string | undefined, options: {{ items: {STRINGS} }}): Promise<null>;",
        ),
        (
            [upload(type=["integer", "null"])],
            f"f(items: {STRINGS.replace('string', 'number | null')}): Promise<null>;",
        ),
    ],
)
def test_an_upload_is_whatever_gives_items(params: list[dict[str, Any]], expected: str) -> None:
    assert signature(*params, **OVER_WEBSOCKET) == expected


def test_a_long_signature_takes_a_line_for_each_parameter() -> None:
    made = validate(contract(procedures={"f": procedure(*(param(f"parameter_{n:040}") for n in range(3)))}))
    lines = declare_procedures(made, TypeWriter({}))
    assert lines[2] == "  f("
    assert lines[3] == f"    parameter_{0:040}: string,"
    assert lines[6] == "  ): Promise<null>;"


def test_documentation() -> None:
    entry = procedure(
        param("a", description="What."),
        doc="Text.\n\nReturns:\n    Nothing.",
        errors=["B", "A"],
        deprecated=True,
    )
    errors = {"A": {"status": 400}, "B": {"status": 400, "doc": "Why.\n\nMore."}}
    made = validate(contract(procedures={"f": entry}, errors=errors))
    text = [line.strip() for line in declare_procedures(made, TypeWriter({}))]
    assert text[2:-2] == [
        "/**",
        "* Text.",
        "*",
        "* @param a - What.",
        "* @returns Nothing.",
        "* @throws A",
        "* @throws B - Why.",
        "* @deprecated",
        "*/",
    ]


def documentation(*params: dict[str, Any], **more: Any) -> list[str]:
    made = validate(contract(procedures={"f": procedure(*params, **more)}))
    lines = [line.strip(" /*") for line in declare_procedures(made, TypeWriter({}))[2:-2]]
    return [line for line in lines if line]


def test_documentation_of_an_upload_speaks_of_each_item() -> None:
    sent = "@param items - Sent item by item, as fast as Python reads."
    assert documentation(upload(), **OVER_WEBSOCKET) == [sent]
    noted = upload(minLength=1, maxLength=9, description="A word.")
    assert documentation(noted, **OVER_WEBSOCKET) == [f"{sent} A word. (each: minLength 1, maxLength 9)"]


def test_documentation_of_the_bound_of_bytes() -> None:
    bound = "The arguments of a call take at most 2,000,000 bytes."
    assert documentation(max_bytes=2_000_000) == [bound]
    assert documentation(doc="Text.", max_bytes=2_000_000) == ["Text.", bound]
    assert documentation(doc="Text.") == ["Text."]


def test_documentation_of_who_may_call() -> None:
    assert documentation(doc="Text.", auth=True) == ["Text.", "Needs an identity."]
    assert documentation(auth=True, scopes=["b"]) == ["Needs the scope `b`."]
    assert documentation(auth=True, scopes=["b", "a"]) == ["Needs the scopes `a`, `b`."]


def test_documentation_from_the_docstring() -> None:
    doc = "Text.\n\nArgs:\n    a: From the docstring.\n    b: Unused.\n    db: Not the caller's."
    said = documentation(param("a"), param("b", description="From the type."), doc=doc)
    assert said == ["Text.", "@param a - From the docstring.", "@param b - Unused."]
    field = param("a") | {"doc": "From the field."}
    assert documentation(field, doc=doc) == ["Text.", "@param a - From the field."]
    option = documentation(param("a", keyword=True), doc=doc)
    assert option == ["Text.", "@param options.a - From the docstring."]


def test_the_docstring_says_when_an_error_is_raised() -> None:
    doc = "Raises:\n    app.BudgetSpent: Too much.\n    HTTPProblem: No.\n    ValueError: Never seen by a caller."
    errors = {"BUDGET_SPENT": {"status": 402, "doc": "In general."}, "HTTP_PROBLEM": {"status": 400}}
    entry = procedure(doc=doc, errors=["BUDGET_SPENT", "HTTP_PROBLEM"])
    made = validate(contract(procedures={"f": entry}, errors=errors))
    text = [line.strip(" /*") for line in declare_procedures(made, TypeWriter({}))[2:-2]]
    assert [line for line in text if line] == [
        "@throws BUDGET_SPENT - Too much.",
        "@throws HTTP_PROBLEM - No.",
    ]


def test_a_docstring_makes_no_tags() -> None:
    assert documentation(doc="Text.\n@deprecated is a word here.") == [
        "Text.",
        "\\@deprecated is a word here.",
    ]


def test_namespaces_nest() -> None:
    made = validate(contract(procedures={"b.c.d": procedure(), "b.a": procedure(), "a": procedure()}))
    assert [line.strip() for line in declare_procedures(made, TypeWriter({}))[2:]] == [
        "a(): Promise<null>;",
        "b: {",
        "a(): Promise<null>;",
        "c: {",
        "d(): Promise<null>;",
        "};",
        "};",
        "}",
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (procedure(), 'f: { args: [], http: "POST /f" },'),
        (procedure(param("a"), param("b", keyword=True)), 'f: { args: ["a"], http: "POST /f" },'),
        (procedure(kind="stream"), 'f: { args: [], http: "POST /f", stream: true },'),
        (procedure(http=None, transports=["websocket"]), "f: { args: [] },"),
        (
            procedure(param("a"), upload(), **OVER_WEBSOCKET),
            'f: { args: ["a", "items"], upload: "items" },',
        ),
        (
            procedure(upload("x-y", keyword=True), kind="stream", **OVER_WEBSOCKET),
            'f: { args: [], stream: true, upload: "x-y" },',
        ),
        (procedure(max_bytes=9), 'f: { args: [], http: "POST /f" },'),
        (procedure(transports=["http"]), 'f: { args: [], http: "POST /f", via: "http" },'),
        (procedure(body="single"), 'f: { args: [], http: "POST /f", body: "single" },'),
        (procedure(body="form"), 'f: { args: [], http: "POST /f", body: "form" },'),
        (procedure(body="none"), 'f: { args: [], http: "POST /f" },'),
    ],
)
def test_descriptor_entry(entry: dict[str, Any], expected: str) -> None:
    lines = declare_descriptor(validate(contract(procedures={"f": entry})))
    assert lines[6].strip() == expected


def test_a_path_outside_the_prefix_is_refused() -> None:
    made = validate(contract(procedures={"f": procedure()}, api_prefix="/v2"))
    with pytest.raises(ContractError, match="/api/f is not below /v2"):
        declare_descriptor(made)


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ({"procedures": {"f": procedure()}}, False),
        ({"procedures": {"f": procedure(), "g": procedure(auth=True)}}, True),
        ({"procedures": {"f": procedure(kind="stream")}}, False),
        ({"procedures": {"f": procedure(kind="stream", resume=600)}}, True),
        ({"events": {"Tick": {"schema": {"type": "integer"}, "history": False}}}, True),
    ],
)
def test_a_connection_is_kept_up_where_it_is_waited_on_or_its_user_known(
    parts: dict[str, Any], kept: bool
) -> None:
    text = render(validate(contract(**parts)), "app:app")
    assert text.count("upkeep,") == (2 if kept else 0)
    assert ("  upkeep,\n} as const;" in text) is kept


@pytest.mark.parametrize(
    ("transports", "resumable"), [(["http", "websocket"], True), (["websocket"], True), (["http"], False)]
)
def test_a_stream_can_be_resumed_where_it_has_a_websocket(transports: list[str], resumable: bool) -> None:
    entry = procedure(kind="stream", resume=600, transports=transports)
    text = render(validate(contract(procedures={"f": entry})), "app:app")
    assert ("f: Resumable<() => ResumableStream<null>>;" in text) is resumable
    assert ("resume: resuming" in text) is resumable
