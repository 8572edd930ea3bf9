"""The OpenAPI documents of whole apps: valid, and the same facts as their contracts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fusewire import Fuse
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.backend.main import app as template
from tests.interop.features.main import app as features
from tests.mistakes.main import fuse as mistakes

APPS = {"template": template, "features": features, "mistakes": mistakes.app}


@pytest.fixture(name="app", params=APPS)
def fixture_app(request: pytest.FixtureRequest) -> FastAPI:
    return APPS[request.param]


def mirrored(app: FastAPI) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each procedure that has a route: its name, its entry in the contract and its operation."""
    fuse: Fuse = app.state.fusewire
    paths = app.openapi()["paths"]
    for name, procedure in fuse.contract()["procedures"].items():
        if http := procedure.get("http"):
            yield name, procedure, paths[http["path"]][http["method"].lower()]


def codes_of(app: FastAPI, response: dict[str, Any]) -> set[str]:
    schema = response["content"]["application/json"]["schema"]
    references = [part["$ref"].rpartition("/")[2] for part in schema.get("oneOf", [schema])]
    models = app.openapi()["components"]["schemas"]
    return {models[reference]["properties"]["code"]["const"] for reference in references}


def test_the_document_is_openapi_3_1(app: FastAPI) -> None:
    assert app.openapi()["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(app.openapi()).validate()


def test_every_declared_error_is_a_response(app: FastAPI) -> None:
    declared = app.state.fusewire.contract()["errors"]
    for name, procedure, operation in mirrored(app):
        for code in procedure["errors"]:
            assert code in codes_of(app, operation["responses"][str(declared[code]["status"])]), name


def test_every_stream_has_the_schema_of_its_items(app: FastAPI) -> None:
    for name, procedure, operation in mirrored(app):
        content = next(iter(operation["responses"].values())).get("content", {})
        streams = "application/jsonl" in content
        assert streams == (procedure["kind"] == "stream"), name
        if streams:
            message = content["text/event-stream"]["schema"]["items"]["oneOf"][0]
            item = content["application/jsonl"]["schema"]["items"]
            assert message["properties"]["data"]["contentSchema"] == item, name


def test_who_may_call_is_said(app: FastAPI) -> None:
    for name, procedure, operation in mirrored(app):
        assert ("security" in operation) == procedure["auth"], name
        assert ("401" in operation["responses"]) >= procedure["auth"], name
        may_be_forbidden = bool(procedure["scopes"]) or procedure["http"]["body"] == "form"
        assert ("403" in operation["responses"]) == may_be_forbidden, name


def test_arguments_may_not_fit(app: FastAPI) -> None:
    for name, procedure, operation in mirrored(app):
        assert ("422" in operation["responses"]) >= bool(procedure["params"]), name


def test_the_headers_of_what_is_kept(app: FastAPI) -> None:
    for name, procedure, operation in mirrored(app):
        parameters = operation.get("parameters", ())
        named = {parameter["name"] for parameter in parameters if parameter["in"] == "header"}
        assert ("Idempotency-Key" in named) == ("dedupe" in procedure), name
        assert ("Last-Event-ID" in named) == ("resume" in procedure), name
        # They are no arguments.
        assert not named & {parameter["name"] for parameter in procedure["params"]}, name
