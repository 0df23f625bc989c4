"""Tool: a question that nobody has answered yet is noted for the restaurant."""

from pydantic import Field

from aiworker.tools.context import ToolContext
from aiworker.tools.tool import Arguments, Result, Tool


class NoteQuestion(Arguments):
    question: str = Field(
        min_length=1,
        max_length=200,
        description="La question de l'appelant, en une phrase courte, sans nom ni numéro.",
    )


async def note_question(context: ToolContext, arguments: NoteQuestion) -> Result:
    await context.note_question(arguments.question)
    return {
        "status": "ok",
        "spoken": "Je n'ai pas cette information. "
        "Voulez-vous que je vous passe le restaurant, ou que je prenne un message ?",
    }


TOOL = Tool(
    name="note_question",
    description=(
        "Note pour le restaurant une question sur le restaurant à laquelle ni la carte, ni les "
        "horaires, ni « Questions et réponses » ne répondent."
    ),
    arguments=NoteQuestion,
    run=note_question,
)
