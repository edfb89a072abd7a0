"""The examples of an OpenAPI document: the requests that can be made of them, and the answers that it shows."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import jsonschema_rs

UNKNOWN_ID = "tt9999999"
"""The id in the document's answers 404."""
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """One request made of examples, and the answer that the document promises."""

    method: str
    path: str
    query: dict[str, Any]
    body: dict[str, Any] | None
    status: int
    schema: dict[str, Any] = field(repr=False)
    """Of the answer, with the document's components."""
    promised: dict[str, Any] = field(default_factory=dict)
    """Fields of the answer that must have these values: `reason`, or `type` and `loc` of the first problem."""

    def change(self, place: list[str | int], value: Any) -> "Request":
        """Return the request with another value at a place such as ["body", "movie_ids", 1], as errors name it."""
        parts = {"query": deepcopy(self.query), "body": deepcopy(self.body)}
        holder: Any = parts
        for name in place[:-1]:
            holder = holder[name]
        holder[place[-1]] = value
        return replace(self, query=parts["query"] or {}, body=parts["body"])

    def check(self, status: int, answer: Any) -> None:
        """Raise AssertionError or ValidationError unless the answer is the promised one."""
        assert status == self.status, f"{self}: {status} {answer}"
        validate(answer, self.schema)
        found = answer["detail"][0] if "loc" in self.promised else answer
        assert {name: found[name] for name in self.promised} == self.promised, f"{self}: {answer}"


def read_requests(document: dict[str, Any]) -> Iterator[Request]:
    """Yield a request for each combination of the examples of an operation, and one for each example of a 404 or 422."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            queries = {each["name"]: list(read_values(each)) for each in operation.get("parameters", ())}
            queries = {name: values for name, values in queries.items() if values}
            content = operation.get("requestBody", {}).get("content", {}).get(JSON)
            bodies = read_properties(document, content["schema"]) if content else {}
            succeeding = [
                Request(method, path, query, body if content else None, 200, read_schema(document, operation, "200"))
                for query in combine(queries)
                for body in combine(bodies)
            ]
            yield from succeeding
            yield from _read_rejected(document, operation, succeeding[0])


def _read_rejected(document: dict[str, Any], operation: dict[str, Any], request: Request) -> Iterator[Request]:
    for status in ("404", "422"):
        rejected = replace(request, status=int(status), schema=read_schema(document, operation, status))
        for example in read_values(operation["responses"].get(status, {}).get("content", {}).get(JSON, {})):
            if status == "404":
                place: list[str | int] = ["body" if request.body else "query", "movie_id"]
                yield replace(rejected.change(place, UNKNOWN_ID), promised={"reason": example["reason"]})
                continue
            (problem,) = example["detail"]
            value = [] if problem["type"] == "too_short" else problem["input"]
            promised = {"type": problem["type"], "loc": problem["loc"]}
            yield replace(rejected.change(problem["loc"], value), promised=promised)


def combine(values: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield each combination of one value for each name; an empty one if there are no names."""
    for chosen in product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


def read_properties(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the examples of each property of a body."""
    properties = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    return {name: list(read_values(described)) for name, described in properties.items()}


def read_values(holder: dict[str, Any]) -> Iterator[Any]:
    """Yield the values under `examples` or `example` of a parameter, a body or an answer, or of their schema."""
    for place in (holder, holder.get("schema", {})):
        if "example" in place:
            yield place["example"]
        examples = place.get("examples", {})
        yield from (each["value"] for each in examples.values()) if isinstance(examples, dict) else examples


def read_schema(document: dict[str, Any], operation: dict[str, Any], status: str) -> dict[str, Any]:
    """Return the schema of an answer, complete with the document's components; one that accepts anything if there is none."""
    described = operation["responses"].get(status, {}).get("content", {}).get(JSON, {}).get("schema", {})
    return {**described, "components": document["components"]}


def validate(value: Any, schema: dict[str, Any]) -> None:
    """Raise jsonschema_rs.ValidationError unless the value fits the schema, nested fields included."""
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(value)
