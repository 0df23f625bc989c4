"""What a customer allows: told with its proof, withdrawn as easily as given (RGPD, art. 7(3))."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.consent import Consent, ConsentPurpose, ConsentSource, ConsentState
from controlplane.models.customer import Customer
from controlplane.restaurants.people_errors import NoConsent, NoEvidence

BY_LINK: Final = "lien de désinscription du SMS"
"""The evidence of who said no by the link of an offer."""
_OFFERS: Final = ConsentPurpose.OFFERS


async def decide(
    session: AsyncSession,
    customer: Customer,
    purpose: ConsentPurpose,
    *,
    granted: bool,
    source: ConsentSource,
    evidence: str,
) -> None:
    """Write down what the customer said; the caller commits. Granting twice keeps the first proof.

    A refusal ends a grant in force. Raises `NoEvidence`.
    """
    if not evidence.strip():
        raise NoEvidence
    await _lock(session, customer)
    if await consents(session, customer, purpose):
        if granted:
            return
        await withdraw(session, customer, purpose)
    session.add(
        Consent(
            restaurant_id=customer.restaurant_id,
            customer_id=customer.id,
            purpose=purpose,
            state=ConsentState.GRANTED if granted else ConsentState.REFUSED,
            source=source,
            evidence=evidence,
        )
    )
    await session.flush()


async def withdraw(session: AsyncSession, customer: Customer, purpose: ConsentPurpose) -> None:
    """End the grant in force; its row stays, as proof for what was done until now.

    Raises `NoConsent`.
    """
    withdrawn = await session.scalar(
        update(Consent)
        .where(*_whose(customer), Consent.purpose == purpose, Consent.state == ConsentState.GRANTED)
        .values(state=ConsentState.WITHDRAWN, withdrawn_at=datetime.now(UTC))
        .returning(Consent.id)
    )
    if withdrawn is None:
        raise NoConsent(purpose)


async def refuse_offers(session: AsyncSession, customer: Customer) -> None:
    """Whoever follows the link of an offer wants no more of them; the caller commits. It is one
    refusal, however often it is said.
    """
    told = [one for one in await decisions(session, customer) if one.purpose == _OFFERS]
    if not told or told[-1].state != ConsentState.REFUSED:
        await decide(
            session,
            customer,
            _OFFERS,
            granted=False,
            source=ConsentSource.WEB,
            evidence=BY_LINK,
        )


async def consents(session: AsyncSession, customer: Customer, purpose: ConsentPurpose) -> bool:
    """Whether a grant is in force: silence is none (RGPD, recital 32)."""
    found = await session.scalar(
        select(Consent.id).where(
            *_whose(customer), Consent.purpose == purpose, Consent.state == ConsentState.GRANTED
        )
    )
    return found is not None


async def decisions(session: AsyncSession, customer: Customer) -> list[Consent]:
    """Every decision of this customer, the oldest first."""
    found = await session.scalars(
        select(Consent).where(*_whose(customer)).order_by(Consent.at, Consent.id)
    )
    return list(found)


async def _lock(session: AsyncSession, customer: Customer) -> None:
    """Two decisions of one customer follow each other."""
    await session.execute(
        select(Customer.id)
        .where(Customer.restaurant_id == customer.restaurant_id, Customer.id == customer.id)
        .with_for_update()
    )


def _whose(customer: Customer) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        Consent.restaurant_id == customer.restaurant_id,
        Consent.customer_id == customer.id,
    )
