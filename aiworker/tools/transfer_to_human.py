"""Tool: hand the caller to the restaurant's own phone, or to one of its people."""

from enum import StrEnum

from pydantic import Field

from aiworker.tools.context import ToolContext
from aiworker.tools.tool import Arguments, Result, Tool, ToolError
from controlplane.contracts.restaurant_config import RestaurantConfig, TransferTarget


class TransferReason(StrEnum):
    ASKED = "asked"
    ALLERGY = "allergy"
    COMPLAINT = "complaint"
    TECHNICAL = "technical"
    OTHER = "other"


class TransferToHuman(Arguments):
    reason: TransferReason = Field(
        default=TransferReason.ASKED, description="Pourquoi l'appel est transféré."
    )
    person: str = Field(
        default="",
        description="À qui : un nom de la liste « Personnes à joindre ». Vide : le restaurant.",
    )


async def transfer_to_human(context: ToolContext, arguments: TransferToHuman) -> Result:
    target = _target(context.config, arguments.person)
    context.ending.forget()
    context.ending.transfer_reason = arguments.reason.value
    context.ending.transfer_target = target.id if target else None
    name = target.name if target else "le restaurant"
    return {"status": "ok", "spoken": f"Je vous passe {name}, ne quittez pas."}


def _target(config: RestaurantConfig, person: str) -> TransferTarget | None:
    """None: the restaurant itself. Raises `ToolError` for somebody who can't be rung."""
    wanted = person.strip().casefold()
    if wanted in {"", "restaurant", "le restaurant"}:
        return None
    for target in config.transfer_targets:
        if target.name.casefold() == wanted:
            return target
    raise ToolError(
        "unknown_person",
        "Je ne peux pas joindre cette personne.",
        people=["le restaurant", *(target.name for target in config.transfer_targets)],
        next="Propose une personne de cette liste, ou de laisser un message.",
    )


TOOL = Tool(
    name="transfer_to_human",
    description="Transfère l'appel à une personne du restaurant.",
    arguments=TransferToHuman,
    run=transfer_to_human,
)
