"""A restaurant's SIP account is given and changed; its bridge hears of it from a trigger, and
registers it anew. Who calls commits.

The password goes in sealed and never comes out here: the site may not even read it.
"""

import dataclasses
import secrets
from dataclasses import dataclass, replace
from typing import Any, Self

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.sip_credentials import check_credentials
from controlplane.models.carrier import Carrier
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.restaurants.audit import audit
from controlplane.restaurants.errors import NotFound, Refused
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.setup_lock import lock_setup
from controlplane.secret_box import SecretBox


class UnknownCarrier(NotFound):
    """No carrier has this id."""

    def __init__(self, carrier_id: str) -> None:
        super().__init__(f"no carrier is called {carrier_id!r}: alloresto carrier list")


class PasswordMissing(Refused):
    """A new account has no password that could be kept."""

    def __init__(self) -> None:
        super().__init__("a new account needs its password")


@dataclass(frozen=True, slots=True)
class SipUser:
    """Whom an account registers, in the columns of `sip_registration`."""

    username: str
    domain: str | None
    auth_username: str | None

    @classmethod
    def typed(cls, username: str, auth_username: str | None) -> Self:
        """Take a carrier's user name apart. One with a domain is the digest's user as a whole, for
        that is what the carrier gave, unless another is given.
        """
        if "@" not in username:
            return cls(username, None, auth_username)
        user, _, domain = username.rpartition("@")
        return cls(user, domain, auth_username or username)

    def changed(self, username: str | None, auth_username: str | None) -> Self:
        """Return what `sip set` makes of it; what is not given stays, a dash is none of its own."""
        auth = None if auth_username == "-" else auth_username
        if username:
            return self.typed(username, auth)
        return replace(self, auth_username=auth) if auth_username else self

    def check(self, password: str = "x") -> None:
        """Raise `InvalidGateway`, which names the field: what no gateway takes, nobody stores."""
        check_credentials(**dataclasses.asdict(self), password=password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A SIP account as its carrier gave it."""

    carrier_id: str
    user: SipUser
    password: str | None = dataclasses.field(default=None, repr=False)
    """None keeps the one there is."""


async def check_carrier(session: AsyncSession, carrier_id: str) -> None:
    """Refuse a carrier that nobody knows. Raises `UnknownCarrier`."""
    if await session.scalar(select(Carrier.id).where(Carrier.id == carrier_id)) is None:
        raise UnknownCarrier(carrier_id)


async def set_account(
    session: AsyncSession,
    restaurant: Restaurant,
    account: Account,
    *,
    box: SecretBox,
    actor: str,
    seen: int | None = None,
) -> str:
    """Give the restaurant this account, in place of the one it may have; its gateway's name.

    `seen` is the version that was shown, 0 for none. Raises `InvalidGateway`, `UnknownCarrier`,
    `PasswordMissing`; `ChangedMeanwhile` when another version is there.
    """
    account.user.check("x" if account.password is None else account.password)
    await lock_setup(session, restaurant.id)
    await check_carrier(session, account.carrier_id)
    row = SipRegistration
    before = (
        await session.execute(
            select(row.gateway_name, row.config_version, row.carrier_id).where(
                row.restaurant_id == restaurant.id
            )
        )
    ).one_or_none()
    if seen is not None and seen != (before.config_version if before else 0):
        raise ChangedMeanwhile
    values: dict[str, Any] = {
        "carrier_id": account.carrier_id,
        **dataclasses.asdict(account.user),
    }
    if account.password is not None:
        values["password_encrypted"] = box.seal(account.password, owner=restaurant.id)
    if before is None:
        gateway = await _give(session, restaurant, values)
    else:
        gateway = before.gateway_name
        changing = update(row).where(row.restaurant_id == restaurant.id).values(**values)
        await session.execute(changing.execution_options(synchronize_session=False))
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="set_account",
        object="sip_registration",
        before={"carrier": before.carrier_id} if before else None,
        after={"carrier": account.carrier_id, "password": account.password and "new"},
    )
    return gateway


async def _give(session: AsyncSession, restaurant: Restaurant, values: dict[str, Any]) -> str:
    if "password_encrypted" not in values:
        raise PasswordMissing
    gateway = f"{restaurant.slug}-{secrets.token_hex(4)}"
    given = {"id": new_id(), "restaurant_id": restaurant.id, "gateway_name": gateway}
    await session.execute(insert(SipRegistration).values(**given, **values))
    return gateway
