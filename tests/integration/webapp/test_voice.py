"""A manager words the greeting, which always says that an AI speaks, hears it as callers do, says
whom callers get, and answers what they asked: the next call's assistant has all of it.
"""

from typing import Any

import pytest

from controlplane.contracts.prompts import AI_DISCLOSURE
from controlplane.restaurants.config_cache import read_restaurant_config
from controlplane.restaurants.faq_gaps import open_gaps
from tests.accounts import add_account, add_carrier
from tests.integration.webapp.pages.voice import SENTENCE, WAV, voiced
from tests.integration.webapp.site_under_test import SiteUnderTest
from tests.integration.webapp.test_hours import hidden

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

VOICE = "/config/voice"


async def post(site: SiteUnderTest, path: str, form: dict[str, Any], by: str = "manager") -> Any:
    return await site.by(by).post(site.path(f"{VOICE}{path}"), data=form)


async def page(site: SiteUnderTest) -> str:
    return (await site.by("manager").get(site.path(VOICE))).text


async def test_the_greeting_is_worded_heard_and_never_without_the_disclosure(
    site: SiteUnderTest,
) -> None:
    await voiced(site)
    shown = await page(site)
    assert f"{SENTENCE} {AI_DISCLOSURE}" in shown
    sound = await site.by("manager").get(site.path(f"{VOICE}/prompts/greeting.wav"))
    assert (sound.content, sound.headers["content-type"]) == (WAV, "audio/wav")
    assert (await site.by("manager").get(site.path(f"{VOICE}/prompts/busy.wav"))).status_code == 404
    wrong = await post(site, "/prompts/greeting", {"sentence": "<b>", "seen": SENTENCE})
    assert (wrong.status_code, "ne peut pas être dite" in wrong.text) == (422, True)
    new = {"sentence": "Bonjour, Bella Napoli", "seen": SENTENCE}
    assert (await post(site, "/prompts/greeting", new)).status_code == 303
    assert f"Bonjour, Bella Napoli. {AI_DISCLOSURE}" in (now := await page(site))
    assert "en préparation" in now
    stale = await post(site, "/prompts/greeting", new, by="owner")
    assert (stale.status_code, "Manager Esposito" in stale.text) == (409, True)
    nothing = {**hidden(stale.text), "sentence": ""}
    assert (await post(site, "/prompts/greeting", nothing)).status_code == 303
    assert f"Bonjour, ici Pizzeria Bella Napoli. {AI_DISCLOSURE}" in await page(site)


async def test_only_listed_people_are_rung_and_no_line_of_ours(site: SiteUnderTest) -> None:
    async with site.engine.begin() as connection:
        await connection.run_sync(lambda sync: add_carrier(sync))
        await connection.run_sync(lambda sync: add_account(sync, username="0033199005678"))
    listed = {"name": "le gérant", "number": "06 39 98 00 42", "mode": "warm"}
    assert (await post(site, "/targets", listed)).status_code == 303
    for number, said in (
        ("01 99 00 56 78", "tournerait en rond"),
        ("15", "numéro"),
        ("0899 12 34 56", "jamais composé"),
    ):
        refused = await post(site, "/targets", listed | {"number": number})
        assert (refused.status_code, said in refused.text) == (422, True), number
        assert f'value="{number}"' in refused.text
    config, _ = await read_restaurant_config(site.site.sessions, site.restaurant)
    assert "le gérant" in [target.name for target in config.transfer_targets]
    gone = await post(site, "/targets/remove", {"number": "+33639980042"})
    assert gone.status_code == 303


async def test_a_gap_is_answered_in_one_step_and_the_next_call_says_it(
    site: SiteUnderTest,
) -> None:
    async with site.session() as session:
        parking, halal = await open_gaps(session, site.restaurant)
    answer = {"answer": "Oui, derrière le restaurant."}
    assert (await post(site, f"/questions/{parking.id}", {"answer": " "})).status_code == 422
    assert (await post(site, f"/questions/{parking.id}", answer)).status_code == 303
    assert (await post(site, f"/questions/{parking.id}", answer)).status_code == 404
    assert (await post(site, f"/questions/{halal.id}/dismiss", {})).status_code == 303
    config, _ = await read_restaurant_config(site.site.sessions, site.restaurant)
    told = {one.question: one.answer for one in config.faq}
    assert told["Vous avez un parking ?"] == answer["answer"]
    assert "C’est halal ?" not in told
    neighbour = await site.by("other").get(site.path(VOICE))
    assert neighbour.status_code == 404
