"""On a developer's machine restaurants are paid by what stands in for Stripe."""

from collections.abc import Iterable
from uuid import UUID

from controlplane.database import async_engine, async_sessions
from controlplane.models.restaurant import PaymentPolicy, Restaurant
from controlplane.restaurants.payment_policy import set_account, set_payment
from controlplane.secret_box import SecretBox

ACTOR = "seed"


def stand_in_arguments(port: int, web_url: str, restaurant_ids: Iterable[UUID]) -> list[str]:
    """Have the stand-in tell each restaurant's endpoint of its own payments."""
    arguments = ["-m", "controlplane.local.stripe", "--port", str(port)]
    for restaurant_id in restaurant_ids:
        key, secret = _account(restaurant_id)
        endpoint = f"{web_url}/place/{restaurant_id}/payments/stripe"
        arguments += ["--account", f"{key}={secret}={endpoint}"]
    return arguments


async def take_payments(
    database_url: str, secrets: SecretBox, policies: dict[UUID, PaymentPolicy]
) -> None:
    """Give these restaurants their account at the stand-in, and their policy."""
    engine = async_engine(database_url, application_name="seed", pool_size=1)
    try:
        async with async_sessions(engine).begin() as session:
            for restaurant_id, policy in policies.items():
                restaurant = await session.get_one(Restaurant, restaurant_id)
                key, secret = _account(restaurant_id)
                await set_account(
                    session, restaurant, secrets, api_key=key, webhook_secret=secret, actor=ACTOR
                )
                await set_payment(session, restaurant, policy=policy, actor=ACTOR)
    finally:
        await engine.dispose()


def _account(restaurant_id: UUID) -> tuple[str, str]:
    """Its key and its endpoint's secret: they open nothing but the stand-in."""
    return f"rk_test_{restaurant_id.hex}", f"whsec_{restaurant_id.hex}"
