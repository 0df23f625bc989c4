"""The voice page of a restaurant with a greeting, a sound, people to ring, and questions."""

from datetime import UTC, datetime

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.prompts import PromptKind, prompt_text
from controlplane.models.prompt_rendering import PromptRendering
from controlplane.models.restaurant import Restaurant
from controlplane.models.restaurant_prompt import RestaurantPrompt
from controlplane.models.transfer_target import TransferMode
from controlplane.restaurants.faq import add_answer
from controlplane.restaurants.faq_gaps import record_gap
from controlplane.restaurants.transfer_targets import add_target
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest

SENTENCE = "Bonjour, pizzeria Bella Napoli."
WAV = b"RIFF" + bytes(40)


async def voiced(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, site.restaurant)
        rendering = PromptRendering(
            id=new_id(),
            restaurant_id=site.restaurant,
            kind=PromptKind.GREETING,
            digest="0" * 64,
            text=prompt_text(PromptKind.GREETING, SENTENCE),
            voice="marin",
            engine="test",
            wav=WAV,
            duration_ms=6_800,
            level_dbfs=-18.0,
            peak_dbfs=-3.0,
            rendered_at=datetime.now(UTC),
        )
        session.add(rendering)
        await session.flush()
        session.add(
            RestaurantPrompt(
                id=new_id(),
                restaurant_id=site.restaurant,
                kind=PromptKind.GREETING,
                sentence=SENTENCE,
                rendering_id=rendering.id,
            )
        )
        for name, number, mode in (
            ("la patronne", "06 39 98 00 17", TransferMode.WARM),
            ("la salle", "01 99 00 12 34", TransferMode.BLIND),
        ):
            await add_target(session, restaurant, name=name, number=number, mode=mode, actor="test")
        for times in range(4):
            now = datetime.now(UTC)
            await record_gap(session, site.restaurant, "Vous avez un parking ?", now)
            if times < 1:
                await record_gap(session, site.restaurant, "C’est halal ?", now)
        faq = await add_answer(
            session,
            site.restaurant,
            "Vous prenez les tickets restaurant ?",
            "Oui, en carte et en papier, sur place comme à emporter.",
            actor="test",
        )
    return {"faq": str(faq.id)}


PAGES = [
    Page("voice/page", "/place/{restaurant}/config/voice", seed=voiced),
]
