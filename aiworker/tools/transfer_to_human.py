"""Tool: hand the caller to the restaurant's own phone."""

from enum import StrEnum

from pydantic import Field

from aiworker.tools.context import ToolContext
from aiworker.tools.tool import Arguments, Result, Tool


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


async def transfer_to_human(context: ToolContext, arguments: TransferToHuman) -> Result:
    context.ending.transfer_reason = arguments.reason.value
    return {"status": "ok", "spoken": "Je vous passe le restaurant, ne quittez pas."}


TOOL = Tool(
    name="transfer_to_human",
    description="Transfère l'appel à une personne du restaurant.",
    arguments=TransferToHuman,
    run=transfer_to_human,
    mutates=True,
)
