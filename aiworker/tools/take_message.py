"""Tool: let the caller leave a voice message for the restaurant."""

from aiworker.tools.context import ToolContext
from aiworker.tools.tool import Arguments, Result, Tool


class TakeMessage(Arguments):
    pass


async def take_message(context: ToolContext, arguments: TakeMessage) -> Result:
    context.ending.forget()
    context.ending.message = True
    return {"status": "ok", "spoken": "D'accord, le restaurant écoutera votre message."}


TOOL = Tool(
    name="take_message",
    description="L'appelant laisse un message vocal au restaurant, puis l'appel se termine.",
    arguments=TakeMessage,
    run=take_message,
)
