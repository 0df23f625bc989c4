"""A billing month begins at midnight where the restaurant is, on both sides of a clock change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.billing.months import in_french, month_begins, month_of, next_month

pytestmark = pytest.mark.unit

ZONES = ("Europe/Paris", "Indian/Reunion", "America/Martinique", "America/Miquelon")


@pytest.mark.parametrize(
    ("at", "zone", "month"),
    [
        # Summer time ended on 25 October 2026: midnight is 23:00 UTC again.
        ("2026-10-31T22:59:59+00:00", "Europe/Paris", date(2026, 10, 1)),
        ("2026-10-31T23:00:00+00:00", "Europe/Paris", date(2026, 11, 1)),
        # It had begun on 29 March: midnight was 22:00 UTC.
        ("2026-03-31T21:59:59+00:00", "Europe/Paris", date(2026, 3, 1)),
        ("2026-03-31T22:00:00+00:00", "Europe/Paris", date(2026, 4, 1)),
        ("2026-10-31T20:00:00+00:00", "Indian/Reunion", date(2026, 11, 1)),
        ("2026-11-01T03:59:59+00:00", "America/Martinique", date(2026, 10, 1)),
        ("2026-12-31T23:30:00+00:00", "Europe/Paris", date(2027, 1, 1)),
    ],
)
def test_the_month_of_an_instant(at: str, zone: str, month: date) -> None:
    assert month_of(datetime.fromisoformat(at), zone) == month


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
def test_every_instant_is_within_its_month_and_in_no_other(at: datetime, zone: str) -> None:
    month = month_of(at, zone)
    begins, ends = month_begins(month, zone), month_begins(next_month(month), zone)
    assert begins <= at < ends
    assert month_of(ends - timedelta(microseconds=1), zone) == month
    assert month_of(ends, zone) == next_month(month)


def test_the_month_after_december_is_in_the_next_year() -> None:
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert in_french(date(2026, 8, 1)) == "août 2026"
