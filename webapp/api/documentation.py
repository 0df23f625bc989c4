"""The API's page as a template draws it, made of the OpenAPI document and of nothing else. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value in path, query or header."""

    name: str
    where: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path; `body` and `answer` name schemas."""

    id: str
    method: str
    path: str
    tag: str
    description: str
    parameters: tuple[Parameter, ...]
    body: str
    answer: str
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a schema."""

    name: str
    kind: str
    required: bool
    description: str


def operations_of(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation, in the order of the document."""
    return [
        _operation(path, method, raw)
        for path, methods in document["paths"].items()
        for method, raw in methods.items()
    ]


def fields_of(schema: Schema) -> list[Field]:
    """The fields of one object."""
    required = set(schema.get("required", ()))
    return [
        Field(
            name=name,
            kind=kind_of(raw),
            required=name in required,
            description=raw.get("description", ""),
        )
        for name, raw in schema.get("properties", {}).items()
    ]


def kind_of(schema: Schema) -> str:
    """Say what a value is: `integer`, `Order[]`, `string (uuid) or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(kind_of(each) for each in schema[several])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"{kind_of(schema.get('items', {}))}[]"
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _operation(path: str, method: str, raw: Mapping[str, Any]) -> Operation:
    success = next(status for status in raw["responses"] if status < "300")
    return Operation(
        id=raw["operationId"],
        method=method.upper(),
        path=path,
        tag=raw["tags"][0],
        description=raw.get("description", ""),
        parameters=tuple(_parameter(each) for each in raw.get("parameters", ())),
        body=_schema_of(raw.get("requestBody", {})),
        answer=_schema_of(raw["responses"][success]),
        statuses=tuple(raw["responses"]),
    )


def _parameter(raw: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=raw["name"],
        where=raw["in"],
        kind=kind_of(raw["schema"]),
        required=raw.get("required", False),
        description=raw.get("description", ""),
    )


def _schema_of(holder: Mapping[str, Any]) -> str:
    content = holder.get("content", {}).get("application/json")
    return kind_of(content["schema"]) if content else ""
