"""What a tool is: a name, a French description for the model, checked arguments, a short result.

A result is short JSON with machine fields and `spoken`, a French text the model may say as it is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from aiworker.tools.context import ToolContext

Result = dict[str, Any]


class Arguments(BaseModel):
    """Base of every tool's arguments: what the tool does not know is refused, a price above all."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_max_length=200,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


class ToolError(Exception):
    """The tool could not do it. Becomes a result with `status: error`, never a failure."""

    def __init__(self, code: str, spoken: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.spoken = spoken
        self.details = details

    def result(self) -> Result:
        return {"status": "error", "error": self.code, "spoken": self.spoken, **self.details}


@dataclass(frozen=True)
class Tool:
    """One verb the model can use."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[ToolContext, Any], Awaitable[Result]]

    def schema(self) -> dict[str, Any]:
        """The function as `session.update` declares it."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        parameters.pop("description", None)
        for field in parameters.get("properties", {}).values():
            field.pop("title", None)
        parameters.setdefault("properties", {})
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": parameters,
        }
