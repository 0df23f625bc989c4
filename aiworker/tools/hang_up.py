"""Tool: end the call once the goodbye was heard."""

from aiworker.tools.context import ToolContext
from aiworker.tools.tool import Arguments, Result, Tool
from controlplane.contracts.hangup_causes import CallOutcome


class HangUp(Arguments):
    pass


async def hang_up(context: ToolContext, arguments: HangUp) -> Result:
    placed = bool(context.placed)
    context.ending.outcome = CallOutcome.ORDER if placed else CallOutcome.INFORMATION
    return {"status": "ok", "spoken": "Merci, au revoir !"}


TOOL = Tool(
    name="hang_up",
    description="Raccroche, quand l'appelant a dit au revoir ou n'a plus besoin de rien.",
    arguments=HangUp,
    run=hang_up,
)
