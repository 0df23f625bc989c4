"""A receipt opens by its signed link alone, says what was ordered with VAT and what is declared of
allergens, in French first, and names nobody's number.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.receipt_link import PATH, ReceiptKey, ReceiptOf, sign_receipt
from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, seed_demo
from controlplane.models.menu import Allergen
from controlplane.models.order import OrderType
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.restaurants.place_order import place_order
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.kitchen_site import SECRET, running_site
from tests.integration.order_drafts import COLA, FINE, draft
from webapp.receipt import words

pytestmark = pytest.mark.integration


DECLARED = """
WITH dishes AS (
    UPDATE menu_item SET allergens = CASE WHEN id = :cola THEN ARRAY['sulphites'] ELSE '{}' END
)
UPDATE option SET item_id = :cola WHERE id = :fine
"""


def link(of: ReceiptOf, restaurant_id: UUID, about_id: UUID, *, days: int = 1) -> str:
    key = ReceiptKey(of, restaurant_id, about_id)
    expires_at = datetime.now(UTC) + timedelta(days=days)
    return PATH + sign_receipt(key, expires_at=expires_at, secret=SECRET)


def plain(html: str) -> str:
    return html.replace("\u00a0", " ").replace("&nbsp;", " ")


async def test_a_receipt(database_url: str, database: AsyncEngine) -> None:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
        hours=Hours.AROUND_THE_CLOCK,
    )
    sessions = async_sessions(database)
    wanted = draft().model_copy(update={"customer_name": "<Camille>", "allergy": "noix"})
    placed = await place_order(sessions, wanted)
    async with sessions.begin() as session:
        other = await add_restaurant(session)
        foreign_order = await add_order(session, other)
        table = Reservation(
            restaurant_id=other,
            number=7,
            idempotency_key="k",
            status=ReservationStatus.CONFIRMED,
            source="voice",
            party=4,
            starts_at=datetime(2126, 12, 4, 19, 0, tzinfo=UTC),
            ends_at=datetime(2126, 12, 4, 21, 0, tzinfo=UTC),
            customer_phone_e164="+33639980134",
            allergy_note="arachides",
        )
        session.add(table)
    mine = link(ReceiptOf.ORDER, DEMO_RESTAURANT_ID, placed.id)
    async with (
        running_site(database_url) as site,
        httpx2.AsyncClient(base_url=site.base_url) as browser,
    ):
        # Another tenant sees nothing, and neither does who changed the key or comes too late.
        wrong = [
            link(ReceiptOf.ORDER, other, placed.id),
            link(ReceiptOf.ORDER, DEMO_RESTAURANT_ID, foreign_order),
            link(ReceiptOf.RESERVATION, DEMO_RESTAURANT_ID, placed.id),
        ]
        unsigned = [
            link(ReceiptOf.ORDER, DEMO_RESTAURANT_ID, placed.id, days=-1),
            mine[:-5] + "aaaaa",
            PATH + "x",
        ]
        for path in (*wrong, *unsigned, *(f"{each}/allergenes" for each in unsigned)):
            answer = await browser.get(path)
            assert (answer.status_code, answer.text) == (404, "Page introuvable.")

        answer = await browser.get(mine)
        page = plain(answer.text)
        assert answer.status_code == 200
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Cache-Control"] == "no-store"
        for said in (
            '<html lang="fr">',
            "Commande n° 1, à retirer à",
            "&lt;Camille&gt;",
            "Vous avez signalé une allergie : noix",
            "24,50 €",
            "dont TVA 10 %",
            "Allergènes non déclarés : demandez au restaurant",
            "ni un ticket de caisse ni une facture",
        ):
            assert said in page, said
        assert "639980134" not in page
        async with sessions.begin() as session:
            await session.execute(text(DECLARED), {"cola": COLA.id, "fine": FINE.id})
        page = plain((await browser.get(mine)).text)
        assert page.count("sulfites") == 2, "the cola's, and those of the pizza that has it in it"
        assert "demandez au restaurant (mozzarella)" in page
        assert "Aucun allergène déclaré" not in page
        english = plain((await browser.get(f"{mine}?lang=en")).text)
        assert '<html lang="en">' in english
        assert "Order no. 1, to collect at" in english
        menu = (await browser.get(f"{mine}/allergenes")).text
        assert "Margherita" in menu
        assert (await browser.get(f"{mine}?lang=de")).status_code == 404

        booked = plain((await browser.get(link(ReceiptOf.RESERVATION, other, table.id))).text)
        assert "Réservation n° 7" in booked
        assert "20 h 00" in booked
        assert "mercredi 4 décembre 2126 · 4 personnes" in booked
        assert "arachides" in booked
        assert "639980134" not in booked


def test_every_word_is_there_in_both_languages() -> None:
    assert words.WORDS["fr"].keys() == words.WORDS["en"].keys()
    for table, of in (
        (words.ALLERGENS, Allergen),
        (words.ORDER_TYPES, OrderType),
        (words.RESERVATION_STATUSES, ReservationStatus),
    ):
        for language in table.values():
            assert set(language) == set(of)
