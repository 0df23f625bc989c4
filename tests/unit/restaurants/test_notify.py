"""Who gets an SMS, and how far apart attempts are."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.models.notification import Channel
from controlplane.restaurants.notification_queue import (
    FIRST_RETRY,
    LONGEST_RETRY,
    MOST_ATTEMPTS,
    retry_in,
)
from controlplane.restaurants.notify import (
    KEEP_TRYING,
    NotificationKind,
    Suppressed,
    why_not,
)

pytestmark = pytest.mark.unit

LYON, REUNION, BRUSSELS = "+33478000000", "+262262000000", "+3222345678"


@pytest.mark.parametrize(
    ("to", "own", "reason"),
    [
        ("+33612345678", LYON, None),
        ("+33756781234", LYON, None),
        ("+33639980123", LYON, None),
        ("+262692123456", LYON, None),
        ("+33612345678", REUNION, None),
        ("+32470123456", BRUSSELS, None),
        ("+32470123456", LYON, Suppressed.FOREIGN),
        ("+33612345678", BRUSSELS, Suppressed.FOREIGN),
        ("+3222345678", BRUSSELS, Suppressed.NOT_MOBILE),
        ("+33478000000", LYON, Suppressed.NOT_MOBILE),
        ("+33912345678", LYON, Suppressed.NOT_MOBILE),
        ("+33899000000", LYON, Suppressed.UNSAFE),
        ("112", LYON, Suppressed.UNSAFE),
        ("", LYON, Suppressed.NO_NUMBER),
        (None, LYON, Suppressed.NO_NUMBER),
    ],
)
def test_only_a_mobile_of_the_restaurants_country_gets_an_sms(
    to: str | None, own: str, reason: Suppressed | None
) -> None:
    assert why_not(Channel.SMS, to, own=own) is reason


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("camille@example.fr", None),
        ("Camille.Le-Roux+midi@mail.example.fr", None),
        *(
            (nobody, Suppressed.NO_ADDRESS)
            for nobody in (
                None,
                "camille",
                "camille@",
                "@example.fr",
                "camille@example",
                "camille@example.",
                "a@example.fr, b@example.fr",
                "a@example.fr,b",
                "a@example.fr\nBcc: b@example.fr",
                "Camille <camille@example.fr>",
            )
        ),
    ],
)
def test_an_e_mail_needs_one_address(to: str | None, reason: Suppressed | None) -> None:
    assert why_not(Channel.EMAIL, to, own=LYON) is reason


@given(st.integers(1, 1_000), st.floats(0, 1))
def test_pauses_grow_are_spread_and_have_a_bound(attempts: int, jitter: float) -> None:
    pause = retry_in(attempts, jitter=jitter)
    assert FIRST_RETRY / 2 <= pause <= LONGEST_RETRY
    assert retry_in(attempts, jitter=0) <= pause <= 2 * retry_in(attempts, jitter=0)


def test_whoever_mends_the_account_within_the_hour_loses_no_reservations_message() -> None:
    shortest = sum((retry_in(n, jitter=0) for n in range(1, MOST_ATTEMPTS)), timedelta())
    longest = sum((retry_in(n, jitter=1) for n in range(1, MOST_ATTEMPTS)), timedelta())
    assert timedelta(hours=1) < shortest
    assert longest < KEEP_TRYING[NotificationKind.RESERVATION_CONFIRMED]
