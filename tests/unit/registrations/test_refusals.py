"""A carrier that refuses everybody is told from a wrong password, nobody is tried more often than
documented, and all are back soon after it has healed. On a clock of the test's own.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.models.sip_registration import TryReason
from controlplane.registrations.refusals import (
    ALONE,
    JITTER,
    LONGEST_SPACING,
    CarrierRefusals,
    RefusedAccount,
    alone_at,
    earliest,
)

pytestmark = pytest.mark.unit

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TURN = timedelta(seconds=5)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAX_FAILURES = 3
RETRY = timedelta(seconds=30)
"""FreeSWITCH's, after a refusal that suspends nobody yet."""


@dataclass
class Account:
    """An account as its bridge and Postgres see it."""

    id: UUID
    wrong_password: bool = False
    failures: int = 0
    suspended: bool = False
    at: datetime = BEGAN
    promised_at: datetime | None = None
    tries: list[datetime] = field(default_factory=list)
    """Its REGISTERs since it was suspended first."""


class World:
    """A carrier, its accounts, and the controller's turns."""

    def __init__(self, accounts: int, *, wrong: int = 0) -> None:
        self.now = BEGAN
        self.accounts = [
            Account(UUID(int=n + 1), wrong_password=n < wrong) for n in range(accounts)
        ]
        self.refuses = False
        self.refuses_since: datetime | None = None
        self.returned_at: datetime | None = None
        self.reasons: dict[TryReason, int] = defaultdict(int)

    def register(self, account: Account) -> None:
        if account.suspended:
            account.tries.append(self.now)
            account.suspended, account.promised_at = False, None
        if self.refuses or account.wrong_password:
            account.failures += 1
            account.at = self.now
            account.suspended = account.failures >= MAX_FAILURES
        elif account.failures:
            account.failures, account.at = 0, self.now
            self.returned_at = self.now

    def refuse_refreshes(self, *, every: timedelta) -> None:
        """Have accounts refresh one after the other, over `every`."""
        for one in self.accounts:
            self.register(one)
            self.run(every / len(self.accounts))

    def run(self, duration: timedelta) -> None:
        until = self.now + duration
        while self.now < until:
            self.now = min(until, self.now + TURN)
            for one in self.accounts:
                if 0 < one.failures < MAX_FAILURES and self.now - one.at >= RETRY:
                    self.register(one)
            self.turn()

    def turn(self) -> None:
        carrier = CarrierRefusals(
            carrier_id="test",
            accounts=len(self.accounts),
            refused=[
                RefusedAccount(
                    id=one.id,
                    suspended=one.suspended,
                    at=one.at,
                    over=one.failures - MAX_FAILURES,
                    promised_at=one.promised_at,
                )
                for one in self.accounts
                if one.failures
            ],
            refuses_since=self.refuses_since,
            returned_at=self.returned_at,
        )
        by_id = {one.id: one for one in self.accounts}
        for found, at in carrier.promises(self.now):
            by_id[found.id].promised_at = at
        tried = list(carrier.tries(self.now))
        self.refuses_since = carrier.outage(self.now)
        for found, reason in tried:
            self.reasons[reason] += 1
            self.register(by_id[found.id])

    @property
    def away(self) -> int:
        return sum(one.failures > 0 for one in self.accounts)


@pytest.mark.parametrize(("accounts", "within"), [(3, 6 * MINUTE), (40, 3 * MINUTE)])
def test_after_minutes_of_refusing_everybody_all_are_back(accounts: int, within: timedelta) -> None:
    """1. Every account is refused until it is suspended. 2. The carrier heals. 3. A probe is taken,
    the others follow.
    """
    world = World(accounts)
    world.refuses = True
    world.refuse_refreshes(every=MINUTE)
    world.run(4 * MINUTE)
    assert all(one.suspended for one in world.accounts)
    assert world.refuses_since is not None

    world.refuses = False
    world.run(within)
    assert world.away == 0
    world.run(15 * MINUTE)
    assert world.refuses_since is None


def test_a_third_of_a_carriers_accounts_refused_for_minutes_is_back_as_well() -> None:
    """With an expiry of half an hour only some accounts ask while the carrier refuses."""
    world = World(300)
    world.refuses = True
    for one in world.accounts[:100]:
        world.register(one)
    world.run(3 * MINUTE)
    assert world.away == 100
    world.refuses = False
    world.run(3 * MINUTE)
    assert world.away == 0


def test_one_wrong_password_among_200_stays_suspended_and_is_tried_hours_apart() -> None:
    world = World(200, wrong=1)
    for one in world.accounts:
        world.register(one)
    world.run(DAY)
    wrong = world.accounts[0]
    assert wrong.suspended
    assert world.refuses_since is None
    assert set(world.reasons) == {TryReason.ALONE}
    assert 4 <= len(wrong.tries) <= 8
    gaps = [later - at for at, later in zip(wrong.tries, wrong.tries[1:], strict=False)]
    assert min(gaps) >= ALONE[0] * (1 - JITTER)


def test_a_wrong_password_during_an_outage_ends_where_it_was() -> None:
    world = World(50, wrong=1)
    world.refuses = True
    world.refuse_refreshes(every=MINUTE)
    world.run(10 * MINUTE)
    world.refuses = False
    world.run(DAY)
    assert world.away == 1
    assert world.refuses_since is None
    assert len(world.accounts[0].tries) <= 8 + 8


@settings(max_examples=40)  # each plays days
@given(
    st.integers(1, 12),
    st.integers(0, 2),
    st.lists(st.tuples(st.booleans(), st.integers(1, 300)), min_size=1, max_size=12),
)
def test_whatever_a_carrier_does_nobody_is_tried_more_often_than_documented(
    accounts: int, wrong: int, weather: list[tuple[bool, int]]
) -> None:
    """It refuses and takes everybody in turns, for minutes or hours."""
    world = World(accounts, wrong=wrong)
    for refuses, minutes in weather:
        world.refuses = refuses
        for one in world.accounts:
            if not one.failures:
                world.register(one)
        for _ in range(minutes):
            world.now += MINUTE
            world.turn()
    for one in world.accounts:
        if one.wrong_password:
            spans = zip(one.tries, one.tries[1:], strict=False)
            for n, (at, later) in enumerate(spans):
                assert later - at >= min(MINUTE * 2 ** min(n + 1, 10), LONGEST_SPACING)
            assert len([at for at in one.tries if at < BEGAN + DAY]) <= 30


def test_a_wait_alone_is_hours_and_never_under_the_spacing() -> None:
    for n in range(50):
        for over in range(12):
            one = RefusedAccount(id=UUID(int=n), suspended=True, at=BEGAN, over=over)
            assert alone_at(one) >= earliest(one) or over < 1
            wait = ALONE[min(over, len(ALONE) - 1)]
            assert abs(alone_at(one) - BEGAN - wait) <= wait * JITTER
