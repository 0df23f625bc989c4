"""Says when an account that its carrier refused may be tried again, and when the carrier is at
fault instead. No I/O: the controller asks, and acts (`controlplane/controller/outages.py`).

A carrier locks accounts that insist, so no two tries of a suspended account are nearer than
`earliest`, whatever asks for them: 30 in a day at most. While it stands alone it is tried hours
apart. While its carrier refuses many at once, the account tried longest ago asks for all, once a
minute; as soon as one of them is taken, the others follow.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from controlplane.models.sip_registration import TryReason

LEAST: Final = 3
"""So many accounts refused are an outage, fewer are accounts with something wrong."""
LEAST_SHARE: Final = 0.01
"""More are needed of a large carrier: among a thousand accounts some are always newly wrong."""
FRESH: Final = timedelta(minutes=10)
"""Accounts that were first refused within it were refused together."""
PROBE_EVERY: Final = timedelta(minutes=1)
FIRST_SPACING: Final = timedelta(minutes=1)
LONGEST_SPACING: Final = timedelta(hours=1)
"""A spacing doubles with each try that was refused, up to this."""
ALONE: Final = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4))
"""An account that stands alone waits so long; the last wait goes on. That is 8 tries a day at most.
"""
JITTER: Final = 0.25
"""This part of a wait is chance: accounts that were suspended together are not tried together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAccount:
    """One account whose last word from the carrier was a refusal."""

    id: UUID
    suspended: bool
    at: datetime
    """The last refusal, or since when it may be tried again."""
    over: int
    """Refusals since the one that suspended it; below 0 it is not suspended yet."""
    promised_at: datetime | None = None
    """The end of an outage left it this try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierRefusals:
    """One carrier's refused accounts, among those that are placed and live."""

    carrier_id: str
    accounts: int
    refused: Sequence[RefusedAccount]
    refuses_since: datetime | None
    """The outage that is known."""
    returned_at: datetime | None
    """When an account there was last registered anew; refreshes do not count."""

    def outage(self, now: datetime) -> datetime | None:
        """Return since when the carrier refuses many at once; None: it does not."""
        fresh = sum(one.over <= 0 and now - one.at < FRESH for one in self.refused)
        most = len(self.refused) >= LEAST and 2 * len(self.refused) > self.accounts
        if self.refuses_since is not None:
            return self.refuses_since if most or fresh else None
        many = fresh >= max(LEAST, LEAST_SHARE * self.accounts)
        return now if most or many else None

    def tries(self, now: datetime) -> Iterator[tuple[RefusedAccount, TryReason]]:
        """Yield who is to be tried now, and why."""
        outage = self.outage(now) is not None
        may = [one for one in self.refused if one.suspended and now >= earliest(one)]
        chosen = {one.id: TryReason.ALONE for one in may if now >= alone_at(one)}
        if outage and self.returned_at is not None:
            chosen |= {one.id: TryReason.SIBLING for one in may if one.at < self.returned_at}
        if outage and may and not chosen and self._quiet(now):
            chosen = {min(may, key=lambda one: one.at).id: TryReason.PROBE}
        yield from ((one, chosen[one.id]) for one in may if one.id in chosen)

    def promises(self, now: datetime) -> Iterator[tuple[RefusedAccount, datetime]]:
        """Yield when those still suspended are tried once more, if the outage ends now."""
        if self.refuses_since is not None and self.outage(now) is None:
            yield from ((one, max(now, earliest(one))) for one in self.refused if one.suspended)

    def _quiet(self, now: datetime) -> bool:
        """Tell whether nobody there has asked within `PROBE_EVERY`."""
        return all(now - one.at >= PROBE_EVERY for one in self.refused)


def earliest(account: RefusedAccount) -> datetime:
    """Return the instant before which nothing but a person may have it tried."""
    doubled = FIRST_SPACING * (1 << min(max(account.over, 0), 10))
    return account.at + min(doubled, LONGEST_SPACING)


def alone_at(account: RefusedAccount) -> datetime:
    """Return when it is tried again without any news of its carrier."""
    if account.promised_at is not None:
        return account.promised_at
    wait = ALONE[min(max(account.over, 0), len(ALONE) - 1)]
    chance = random.Random(f"{account.id} {account.over}")
    return account.at + wait * (1 + chance.uniform(-JITTER, JITTER))
