"""Which orders may be paid by a link, which must be, and the account that their money reaches."""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import OrderType
from controlplane.models.payment_account import PaymentAccount
from controlplane.models.restaurant import PaymentPolicy, Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.payment_errors import NoPaymentAccount, SecretRefused
from controlplane.secret_box import SecretBox

_API_KEY: Final = re.compile(r"[rs]k_(?:live|test)_[A-Za-z0-9]{8,250}")
_WEBHOOK_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/=]{8,250}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """How a restaurant is paid; customers have `minutes` to pay by the link."""

    policy: PaymentPolicy
    minutes: int
    has_account: bool


def must_be_paid(policy: PaymentPolicy, order_type: OrderType) -> bool | None:
    """Whether an order of this type is to be paid before it is made; None when it has no link at
    all. Pure.
    """
    if policy is PaymentPolicy.AT_PICKUP:
        return None
    return policy is PaymentPolicy.LINK_REQUIRED_FOR_DELIVERY and order_type is OrderType.DELIVERY


async def set_payment(
    session: AsyncSession,
    restaurant: Restaurant,
    *,
    policy: PaymentPolicy | None = None,
    minutes: int | None = None,
    actor: str,
) -> Payment:
    """Change what is given, and return how the restaurant is paid; the caller commits.

    Orders that are placed keep the link they have. Raises `NoPaymentAccount`.
    """
    has_account = await session.get(PaymentAccount, restaurant.id) is not None
    if policy not in (None, PaymentPolicy.AT_PICKUP) and not has_account:
        raise NoPaymentAccount(restaurant.slug)
    before = _rules(restaurant)
    if policy is not None:
        restaurant.payment_policy = policy
    if minutes is not None:
        restaurant.payment_minutes = minutes
    if (after := _rules(restaurant)) != before:
        await audit(
            session,
            restaurant.id,
            actor=actor,
            action="payment.policy",
            object="restaurant",
            before=before,
            after=after,
        )
    return Payment(
        policy=PaymentPolicy(restaurant.payment_policy),
        minutes=restaurant.payment_minutes,
        has_account=has_account,
    )


async def set_account(
    session: AsyncSession,
    restaurant: Restaurant,
    box: SecretBox,
    *,
    api_key: str,
    webhook_secret: str,
    actor: str,
) -> None:
    """Store the account's secrets, sealed, in the place of those before. Raises `SecretRefused`."""
    if not _API_KEY.fullmatch(api_key):
        raise SecretRefused("API key", "rk_ or sk_")
    if not _WEBHOOK_SECRET.fullmatch(webhook_secret):
        raise SecretRefused("webhook secret", "whsec_")
    sealed = {
        "api_key_encrypted": box.seal(api_key, owner=restaurant.id),
        "webhook_secret_encrypted": box.seal(webhook_secret, owner=restaurant.id),
    }
    await session.execute(
        insert(PaymentAccount)
        .values(restaurant_id=restaurant.id, **sealed)
        .on_conflict_do_update(
            index_elements=[PaymentAccount.restaurant_id],
            set_={**sealed, "created_at": func.now()},
        )
    )
    await audit(
        session, restaurant.id, actor=actor, action="payment.account", object="payment_account"
    )


def _rules(restaurant: Restaurant) -> dict[str, str | int]:
    return {"policy": restaurant.payment_policy, "minutes": restaurant.payment_minutes}
