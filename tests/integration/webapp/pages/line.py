"""The line of a restaurant whose carrier refuses its account, and the account's form."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from controlplane.contracts.gateway_states import GatewayState
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.restaurants.set_account import Account, SipUser, set_account
from tests.accounts import SECRETS, add_carrier
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.pages.platform import lines
from tests.integration.webapp.site_under_test import SiteUnderTest

USER = SipUser.typed("0199009876", None)


async def refused_line(site: SiteUnderTest) -> Names:
    """Registered once, then refused with 403 as often as its carrier allows.

    The platform's pages look at the same line.
    """
    await lines(site)
    async with site.sessions.begin() as session:
        await session.run_sync(_carrier)
        restaurant = await session.get_one(Restaurant, site.restaurant)
        account = Account(carrier_id="ovh", user=USER, password="secret-of-the-line")
        await set_account(session, restaurant, account, box=SECRETS, actor="test")
        await session.execute(
            update(SipRegistration)
            .where(SipRegistration.restaurant_id == site.restaurant)
            .values(state=GatewayState.SUSPENDED, auth_failures=3, last_sip_code=403)
        )
    return {}


def _carrier(session: Session) -> None:
    add_carrier(session.connection(), "ovh", registrar="sip3.ovh.fr")


PLACE = "/place/{restaurant}"
PAGES = [
    Page("line/page", f"{PLACE}/config/line", seed=refused_line),
    Page("line/account", f"{PLACE}/config/line/account"),
]
