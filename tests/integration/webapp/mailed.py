"""Links that the site mailed, as the notifier would open them."""

from sqlalchemy import select

from controlplane.models.notification import Notification
from controlplane.restaurants.link_notices import read_link
from tests.accounts import SECRETS
from tests.integration.webapp.site_under_test import ORIGIN, SiteUnderTest


async def newest_link(site: SiteUnderTest, email: str) -> str:
    """The path of the link in the newest e-mail to an address."""
    async with site.sessions() as session:
        found = await session.scalars(
            select(Notification)
            .where(Notification.recipient == email)
            .order_by(Notification.id.desc())
        )
        return read_link(SECRETS, found.all()[0]).link.removeprefix(ORIGIN)
