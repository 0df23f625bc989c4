"""What the tests of invoices ask for: sessions, and somebody who issues on 1 December 2026."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.billing.document import Document
from controlplane.billing.issue import Issuer
from controlplane.database import async_sessions
from tests.unit.billing.invoices import SELLER

ISSUED_AT = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture
def sessions(database: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessions(database)


@pytest.fixture
def issuer() -> Issuer:
    """It draws no page: the PDF's own tests do (`tests/unit/billing/test_pdf.py`)."""

    def draw(document: Document, xml: bytes) -> bytes:
        return b"%PDF " + document.number.encode()

    return Issuer(seller=SELLER, clock=lambda: ISSUED_AT, render=draw)
