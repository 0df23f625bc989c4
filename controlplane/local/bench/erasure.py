"""How long it takes to forget a customer with 500 orders, and to prove it."""

import time
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.certify_erasure import erase_and_certify
from controlplane.secret_box import SecretBox

ORDERS: Final = 500
TURNS: Final = 20
"""A call that orders has about so many turns."""
NUMBER: Final = "+33639980177"
NAME: Final = "Apolline Vandermeersch"

_LIFE: Final = (
    "INSERT INTO customer (id, restaurant_id, phone_e164, name)"
    " VALUES (gen_random_uuid(), :restaurant_id, :number, :name)",
    "INSERT INTO consent (id, restaurant_id, customer_id, purpose, state, source, evidence)"
    " SELECT gen_random_uuid(), restaurant_id, id, 'offers', 'granted', 'call', name || ': oui'"
    " FROM customer WHERE restaurant_id = :restaurant_id AND phone_e164 = :number",
    "INSERT INTO call (id, restaurant_id, channel_uuid, caller_number, started_at, ended_at,"
    " input_audio_tokens, input_text_tokens, cached_tokens, output_audio_tokens,"
    " output_text_tokens)"
    " SELECT gen_random_uuid(), :restaurant_id, gen_random_uuid(), :number, at, at, 0, 0, 0, 0, 0"
    " FROM generate_series(1, :orders) AS n,"
    " LATERAL (SELECT now() - n * interval '1 day') AS began(at)",
    "INSERT INTO call_turn (id, restaurant_id, call_id, position, role, text, at)"
    " SELECT gen_random_uuid(), restaurant_id, id, n, 'caller',"
    " 'au nom de ' || :name || ', le 06 39 98 01 77', started_at"
    " FROM call, generate_series(1, :turns) AS n WHERE restaurant_id = :restaurant_id"
    " AND caller_number = :number",
    'INSERT INTO "order" (id, restaurant_id, call_id, service_date, number, idempotency_key,'
    " status, customer_name, customer_phone_e164, note, total_cents, ready_at, created_at)"
    " SELECT gen_random_uuid(), restaurant_id, id, started_at::date, 1, id::text, 'completed',"
    " :name, :number, 'sonner chez ' || :name, 0, started_at, started_at"
    " FROM call WHERE restaurant_id = :restaurant_id AND caller_number = :number",
    "INSERT INTO voice_message (id, restaurant_id, channel_uuid, caller_number, duration_ms, audio,"
    " recorded_at)"
    " SELECT gen_random_uuid(), restaurant_id, channel_uuid, :number, 1, '', started_at"
    " FROM call WHERE restaurant_id = :restaurant_id AND caller_number = :number LIMIT 20",
)


class NotClean(AssertionError):
    """Something of the customer was left: a fast erasure that forgets nothing is none."""


async def erase_500_s(sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID) -> float:
    """Seconds to erase the customer of 500 orders at this restaurant, the search included.

    Raises `NotClean`.
    """
    parameters = {
        "restaurant_id": restaurant_id,
        "number": NUMBER,
        "name": NAME,
        "orders": ORDERS,
        "turns": TURNS,
    }
    async with sessions.begin() as session:
        for statement in _LIFE:
            await session.execute(text(statement), parameters)
    box = SecretBox.from_keys(SecretBox.new_key())
    began = time.perf_counter()
    async with sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, restaurant_id)
        done = await erase_and_certify(session, box, [restaurant], NUMBER)
    took_s = time.perf_counter() - began
    (certificate,) = done.certificates
    erased = {part.table: part.erased for part in done.erased.parts}
    if not certificate.clean or erased["order"] != ORDERS:
        raise NotClean(f"{certificate.found}, {erased}")
    return took_s
