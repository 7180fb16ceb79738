"""Requests drawn from the studio's own OpenAPI description, fitting and not: no answer is a mistake of the studio."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the studio is not installed: pip install 'seido[studio]'")

from studio_server import PATIENT, Studio, running

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EXPECTED = {507}


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    with running(tmp_path_factory.mktemp("fuzz"), replace(PATIENT, upload_bytes=10_000, disk_bytes=1)) as one:
        yield one


@pytest.fixture(scope="module")
def described(studio) -> dict[str, Any]:
    return studio.ask("/api/openapi.json")


def fitting(schema: dict[str, Any], whole: dict[str, Any], known: list[str]) -> st.SearchStrategy[Any]:
    """Values that a schema of the description allows."""
    if "$ref" in schema:
        return fitting(whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], whole, known)
    if "anyOf" in schema:
        return st.one_of([fitting(one, whole, known) for one in schema["anyOf"]])
    match schema.get("type"):
        case "object":
            given = {name: fitting(one, whole, known) for name, one in schema.get("properties", {}).items()}
            needed = schema.get("required", [])
            return st.fixed_dictionaries(
                {name: given[name] for name in needed}, optional={n: one for n, one in given.items() if n not in needed}
            )
        case "array":
            if "prefixItems" in schema:
                return st.tuples(*(fitting(one, whole, known) for one in schema["prefixItems"])).map(list)
            return st.lists(fitting(schema["items"], whole, known), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum", -9), min(schema.get("maximum", 99), 200))
        case "number":
            return st.floats(
                schema.get("minimum", 0), schema.get("maximum", 9), exclude_min="exclusiveMinimum" in schema
            )
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    if pattern := schema.get("pattern"):
        return st.sampled_from(known) | st.from_regex(pattern, fullmatch=True).filter(lambda text: text.isascii())
    return st.sampled_from(["tract-phantom-1", "man", "1,2,3,4", "0,0,20,20"]) | st.text(max_size=20)


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, told) for path, methods in described["paths"].items() for method, told in methods.items()]


def test_the_description_names_every_operation_and_its_problems(described):
    found = {f"{method.upper()} {path}" for path, method, _ in operations(described)}
    assert {
        "POST /api/items",
        "POST /api/movies",
        "POST /api/comparisons",
        "GET /api/items/{identity}",
        "GET /api/items/{identity}/events",
        "POST /api/items/{identity}/cancel",
        "DELETE /api/items/{identity}",
        "GET /api/items/{identity}/movie.mp4",
    } <= found
    for path, method, told in operations(described):
        assert {"401", "403", "413"} <= set(told["responses"]), (method, path)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_no_request_makes_the_studio_fail(studio, described, data):
    known = ["A" * 24, "1,2,3,4", "0,0,999,1"]
    path, method, told = data.draw(st.sampled_from(operations(described)))
    query: dict[str, Any] = {}
    for one in told.get("parameters", []):
        value = data.draw(fitting(one["schema"], described, known) | ANY, label=one["name"])
        if one["in"] == "path":
            text = str(value).replace("/", "").replace("\\", "") or "x"
            path = path.replace("{" + one["name"] + "}", text.strip(".") or "x")
        elif one["in"] == "query" and value is not None:
            query[one["name"]] = str(value)
    content = None
    headers = {}
    if body := told.get("requestBody"):
        (kind, schema), *_ = body["content"].items()
        headers["content-type"] = kind
        if kind == "application/json":
            drawn = data.draw(fitting(schema["schema"], described, known) | ANY, label="body")
            content = json.dumps(drawn).encode()
            if data.draw(st.integers(0, 9)) == 0:
                content = data.draw(st.binary(max_size=40))
        else:
            content = data.draw(st.binary(max_size=100))
    try:
        answer = studio.client.request(method, path, params=query, content=content, headers=headers)
    except httpx.InvalidURL:
        return
    assert answer.status_code < 500 or answer.status_code in EXPECTED, (method, path, query, content, answer.text)
    if answer.status_code >= 400:
        problem = answer.json()
        assert problem["code"]
        assert problem["message"]
        assert str(studio.root) not in answer.text
