"""What the restaurant has answered is in the assistant's instructions; what it has not is noted,
and the caller is told so, with a way to a human.
"""

import pytest

from aiworker.realtime.session import instructions
from controlplane.contracts.restaurant_config import FaqAnswer
from tests.small_menu import CONFIG
from tests.unit.aiworker.one_order import Talk

pytestmark = pytest.mark.unit

PARKING = FaqAnswer(question="Avez-vous un parking ?", answer="Oui, derrière, pour 4 $ l'heure.")


def test_answers_are_told_in_the_restaurants_words() -> None:
    told = instructions(CONFIG.model_copy(update={"faq": (PARKING,)}))
    assert f"- {PARKING.question} {PARKING.answer}" in told
    assert "Questions et réponses\nAucune." in instructions(CONFIG)


async def test_a_question_without_an_answer_is_noted() -> None:
    talk = Talk()
    result = await talk.call("note_question", question=" C'est halal ? ")
    assert (result["status"], talk.questions) == ("ok", ["C'est halal ?"])
    assert "que je vous passe le restaurant" in result["spoken"]
    assert (await talk.call("note_question", question=""))["status"] == "error"
    assert talk.questions == ["C'est halal ?"]
