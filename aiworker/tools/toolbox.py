"""Every tool of the assistant, and the one way to run one: checked arguments in, short JSON out."""

import json
from functools import cache
from typing import Any, Final

import structlog
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aiworker.metrics import ERRORS, TOOL_CALLS
from aiworker.tools import (
    add_item,
    change_item,
    hang_up,
    look_up_menu,
    note_question,
    place_order,
    read_back,
    remove_item,
    take_message,
    transfer_to_human,
)
from aiworker.tools.context import ToolContext
from aiworker.tools.refusals import in_words
from aiworker.tools.tool import Result, Tool, ToolError
from controlplane.contracts.clean_text import clean_json
from controlplane.restaurants.errors import OrderNotCommitted, RestaurantError

log = structlog.get_logger()

TOOLS: Final[dict[str, Tool]] = {
    module.TOOL.name: module.TOOL
    for module in (
        look_up_menu,
        add_item,
        change_item,
        remove_item,
        read_back,
        place_order,
        transfer_to_human,
        take_message,
        note_question,
        hang_up,
    )
}
_MONEY_WORDS: Final = ("price", "prix", "total", "cents", "amount", "montant", "discount", "remise")
_LONGEST_ARGUMENTS: Final = 10_000
"""The longest order line with its options is a tenth of this."""
_TOLD_PROBLEMS: Final = 8
_LONGEST_FIELD: Final = 64
_FAILED: Final = ToolError(
    "tool_failed",
    "Un instant, je ne sais pas encore si c'est fait.",
    next="Refais le même appel une fois. S'il échoue encore, propose `transfer_to_human`.",
)
"""Nobody knows how far it came: nothing is promised, nothing denied."""


@cache
def tool_schemas() -> list[dict[str, Any]]:
    """The tools as `session.update` declares them, made once: each time would hold up every call's
    audio for some 10 ms.
    """
    return [tool.schema() for tool in TOOLS.values()]


async def run_tool(context: ToolContext, name: str, arguments: str) -> Result:
    """Run one tool call of the model. What it did wrong becomes a result it can act on.

    Its text is cleaned here, before any tool sees it (`clean_json`).
    """
    tool = TOOLS.get(name)
    if tool is None:
        TOOL_CALLS.labels(tool="unknown", outcome="refused").inc()
        log.warning("tool_unknown")
        return ToolError("unknown_tool", "", tools=list(TOOLS)).result()
    try:
        result = await tool.run(context, _checked(tool, arguments))
    except (ToolError, RestaurantError) as error:
        if isinstance(error, OrderNotCommitted):
            ERRORS.labels(kind="database").inc()
        refusal = error if isinstance(error, ToolError) else in_words(error)
        TOOL_CALLS.labels(tool=name, outcome="refused").inc()
        log.info("tool_refused", tool=name, error=refusal.code)
        return refusal.result()
    except Exception:  # the edge of a tool: its failure is told to the model, and ends no call
        TOOL_CALLS.labels(tool=name, outcome="failed").inc()
        ERRORS.labels(kind="tool").inc()
        log.exception("tool_failed", tool=name)
        return _FAILED.result()
    TOOL_CALLS.labels(tool=name, outcome="ok").inc()
    return result


def _checked(tool: Tool, arguments: str) -> Any:
    try:
        return tool.arguments.model_validate(_read(arguments))
    except ValidationError as error:
        raise ToolError("invalid_arguments", "", problems=_problems(error.errors())) from None


def _read(arguments: str) -> Any:
    """The arguments' JSON, with clean text. Raises `ToolError`."""
    try:
        if len(arguments) > _LONGEST_ARGUMENTS:
            raise ValueError("too long")
        # A control character inside a text is no reason to ask again: it is cleaned.
        return clean_json(json.loads(arguments or "{}", strict=False))
    except (ValueError, RecursionError):
        raise ToolError(
            "malformed_arguments",
            "",
            next="Les arguments ne sont pas du JSON valide : refais le même appel.",
        ) from None


def _problems(errors: list[ErrorDetails]) -> list[str]:
    """What is wrong, in words the model can act on, without quoting what was given."""
    problems = []
    for error in errors[:_TOLD_PROBLEMS]:
        field = ".".join(map(str, error["loc"]))[:_LONGEST_FIELD] or "arguments"
        message = error["msg"]
        if error["type"] == "extra_forbidden":
            money = any(word in field.casefold() for word in _MONEY_WORDS)
            message = (
                "les prix viennent de la carte du restaurant, jamais des arguments"
                if money
                else "argument inconnu de cet outil"
            )
        problems.append(f"{field} : {message}")
    return problems
