"""A restaurant's public pages set no cookie, say how long it keeps what, in the link's language;
an offer's link asks before it ends offers, which it does once and for that restaurant alone.
"""

import re

import pytest
from sqlalchemy import select, update

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.unsubscribe_link import PATH, UnsubscribeKey, sign_unsubscribe
from controlplane.models.consent import Consent, ConsentPurpose, ConsentSource
from controlplane.models.customer import Customer
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.consents import decide
from tests.integration.kitchen_site import SECRET
from tests.integration.webapp.pages.public import a_public_menu
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def plain(html: str) -> str:
    return re.sub(r"[\u00a0\u202f]", " ", html)


async def test_what_anybody_may_read(site: SiteUnderTest) -> None:
    slug = (await a_public_menu(site))["slug"]
    async with site.sessions.begin() as session:
        await session.execute(
            update(Restaurant)
            .where(Restaurant.id == site.restaurant)
            .values(keep_transcripts_days=7, keep_calls_months=2, keep_voice_messages_days=1)
        )
    anybody = site.by("anonymous")
    for path in (f"/carte/{slug}/allergenes", f"/carte/{slug}/donnees"):
        answer = await anybody.get(path)
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
        assert '<html lang="en">' in (await anybody.get(f"{path}?lang=en")).text
        assert (await anybody.get(f"{path}?lang=de")).status_code == 404
        assert '<html lang="fr">' in (await anybody.get(path)).text, "a link changes no other page"
    privacy = plain((await anybody.get(f"/carte/{slug}/donnees")).text)
    for said in ("7 jours", "2 mois", "1 jour<", "01 99 00 11 11", "CNIL"):
        assert said in privacy, said
    allergens = (await anybody.get(f"/carte/{slug}/allergenes")).text
    assert "Aucun allergène déclaré" in plain(allergens), "the cola's: declared, and none"
    for nobody in ("nobody", "%00", "'", "x" * 300):
        assert (await anybody.get(f"/carte/{nobody}/donnees")).status_code == 404


async def test_an_offer_s_link_ends_offers(site: SiteUnderTest) -> None:
    """1 looked at, it changes nothing, 2 pressed twice, it is one refusal, 3 at the neighbour's
    nothing changes, 4 who is forgotten is told the same, 5 a changed key is no page.
    """
    customers = {}
    async with site.sessions.begin() as session:
        for restaurant in (site.restaurant, site.other):
            customer = Customer(restaurant_id=restaurant, phone_e164="+33639985501")
            session.add(customer)
            await session.flush()
            customers[restaurant] = customer.id
            await decide(
                session,
                customer,
                ConsentPurpose.OFFERS,
                granted=True,
                source=ConsentSource.CALL,
                evidence="oui",
            )
    key = UnsubscribeKey(site.restaurant, customers[site.restaurant])
    path = PATH + sign_unsubscribe(key, secret=SECRET)

    async def states(restaurant: object) -> list[str]:
        async with site.sessions() as session:
            found = select(Consent.state).where(Consent.restaurant_id == restaurant)
            return list(await session.scalars(found.order_by(Consent.at, Consent.id)))

    anybody = site.by("anonymous")
    for _ in range(2):
        page = await anybody.get(path)
        assert "Ne plus recevoir d’offres" in plain(page.text)
    assert await states(site.restaurant) == ["granted"]
    for _ in range(2):
        answer = await anybody.post(path)
        assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    assert "aucune offre" in plain((await anybody.get(path)).text)
    assert await states(site.restaurant) == ["withdrawn", "refused"]
    assert await states(site.other) == ["granted"]
    crossed = UnsubscribeKey(site.restaurant, customers[site.other])
    for other in (UnsubscribeKey(site.restaurant, new_id()), crossed):
        gone = PATH + sign_unsubscribe(other, secret=SECRET)
        assert (await anybody.post(gone)).status_code == 303
        assert "aucune offre" in plain((await anybody.get(gone)).text)
    assert await states(site.other) == ["granted"]
    for wrong in (path[:-1], path[:-2] + "AA", f"{PATH}x", PATH + "é" * 64):
        assert (await anybody.get(wrong)).status_code == 404
        assert (await anybody.post(wrong)).status_code == 404
