"""What a thousand restaurants have behind them after two weeks: calls with their turns, orders,
customers, reservations; and a member of some of them, by whom pages are asked.
"""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.models.membership import Membership, Role
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.user_sessions import sign_in

CALLS: Final = 60
ORDERS: Final = 20
CUSTOMERS: Final = 15
STATEMENT_TIMEOUT: Final = "10min"
NO_PASSWORD: Final = "$argon2id$nobody-signs-in-with-it"

HISTORY: Final = (
    """
INSERT INTO call (id, restaurant_id, caller_number, started_at, ended_at, duration_ms,
    time_to_agent_ms, outcome, realtime_model, input_audio_tokens, input_text_tokens,
    cached_tokens, output_audio_tokens, output_text_tokens)
SELECT gen_random_uuid(), r.id, '+3363998' || lpad((n % 100)::text, 4, '0'),
    now() - n * interval '5 hours', now() - n * interval '5 hours' + interval '80 seconds',
    80000, 400,
    (ARRAY['order', 'order', 'information', 'abandoned', 'message'])[1 + n % 5],
    r.realtime_model, 900, 4000, 2500, 700, 300
FROM restaurant r, generate_series(0, :calls - 1) n
""",
    """
INSERT INTO call_turn (id, restaurant_id, call_id, position, role, text, at)
SELECT gen_random_uuid(), c.restaurant_id, c.id, n, (ARRAY['agent', 'caller'])[1 + n % 2],
    'Une Margherita et un coca, à emporter, s’il vous plaît.',
    c.started_at + n * interval '5 seconds'
FROM call c, generate_series(0, 7) n WHERE c.started_at > now() - interval '2 days'
""",
    """
INSERT INTO "order" (id, restaurant_id, service_date, number, idempotency_key, status,
    customer_name, customer_phone_e164, note, total_cents, ready_at, created_at)
SELECT gen_random_uuid(), r.id, CURRENT_DATE - n / 4, n + 1, 'bench:' || n,
    CASE WHEN n < 3 THEN 'placed' WHEN n < 6 THEN 'preparing' ELSE 'completed' END,
    'Camille ' || n, '+3363998' || lpad(n::text, 4, '0'), '', 2200,
    now() - (n / 4) * interval '1 day' + n * interval '3 minutes',
    now() - (n / 4) * interval '1 day'
FROM restaurant r, generate_series(0, :orders - 1) n
""",
    """
INSERT INTO order_line (id, restaurant_id, order_id, position, menu_item_id, name, quantity,
    options, unit_price_cents, vat_rate_bp, total_cents)
SELECT gen_random_uuid(), o.restaurant_id, o.id, p, gen_random_uuid(),
    'plat ' || p, 1, '[]', 1100, 1000, 1100
FROM "order" o, generate_series(0, 1) p
""",
    """
INSERT INTO customer (id, restaurant_id, phone_e164, name)
SELECT gen_random_uuid(), r.id, '+3363998' || lpad(n::text, 4, '0'), 'Camille ' || n
FROM restaurant r, generate_series(0, :customers - 1) n
""",
)


async def seed_history(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Write two weeks of every restaurant."""
    bounds = {"calls": CALLS, "orders": ORDERS, "customers": CUSTOMERS}
    async with sessions.begin() as session:  # an order and its lines add up when it is committed
        await session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        for statement in HISTORY:
            named = {name: value for name, value in bounds.items() if f":{name}" in statement}
            await session.execute(text(statement), named)
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        await connection.execute(text("VACUUM ANALYZE"))


async def sign_in_owner(sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID) -> str:
    """Give the restaurant an owner, and return the token of their session."""
    user_id = uuid4()
    async with sessions.begin() as session:
        session.add(
            UserAccount(
                id=user_id,
                email=f"{user_id}@restaurant.example",
                name="Lucia Esposito",
                password_hash=NO_PASSWORD,
            )
        )
        await session.flush()
        session.add(Membership(restaurant_id=restaurant_id, user_id=user_id, role=Role.OWNER))
        return await sign_in(session, user_id, now=datetime.now(UTC))
