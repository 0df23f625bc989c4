"""A restaurant is one tenant."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, false, text
from sqlalchemy.orm import Mapped, composite, mapped_column

from controlplane.contracts.opening import HolidayHours, KitchenUnit
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.models.base import Base, CreatedAt, PrimaryKey

MOST_PAYMENT_MINUTES: Final = 23 * 60
"""Stripe keeps a Checkout Session open for a day at most, and half an hour at least: ours ends half
an hour after its link (`controlplane/payments/checkout.py`)."""


class PaymentPolicy(StrEnum):
    """Says which orders may be paid, or are to be paid, by a link."""

    AT_PICKUP = "at_pickup"
    """None: customers pay where they get their order."""
    LINK_OPTIONAL = "link_optional"
    """Any; who does not pays where they get it."""
    LINK_REQUIRED_FOR_DELIVERY = "link_required_for_delivery"
    """Any, and those to be delivered are paid before they are made."""


RESTAURANT_CHANNEL = "restaurant_changed"
"""Postgres notifies on this channel when what a worker knows of a restaurant has changed; the
payload is the restaurant's id."""

MOST_TRANSCRIPT_DAYS: Final = 90
MOST_CALL_MONTHS: Final = 13
MOST_VOICE_MESSAGE_DAYS: Final = 30
"""What is known of callers is kept this long; a restaurant may shorten it and never lengthen it."""

LEAST_EXPIRY_MINUTES: Final = 15
MOST_EXPIRY_MINUTES: Final = 1_440
"""An order that nobody took may expire so long after it was to be ready."""

MOST_CALLS_AT_ONCE: Final = 400
"""FreeSWITCH has so many sessions (`max_sessions` in `freeswitch/conf/vars.xml`)."""
MOST_CALLS_AN_HOUR: Final = 20_000
MOST_AI_MINUTES_A_DAY: Final = 24 * 60 * MOST_CALLS_AT_ONCE
"""A restaurant's limits may be raised this far: above, they would limit nothing."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How many calls a restaurant takes. The defaults are what a busy pizzeria never meets."""

    at_once: int = 12
    """Sixty calls an hour of three minutes are three at once on average: four times that."""
    an_hour: int = 120
    """A Friday evening at its fullest is one call a minute: twice that."""
    ai_minutes_a_day: int = 600
    """A good day is a hundred calls of three minutes: twice that."""


DEFAULT_LIMITS: Final = CallLimits()


class Restaurant(Base):
    """One restaurant, and how its assistant speaks."""

    __tablename__ = "restaurant"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({', '.join(repr(str(status)) for status in RestaurantStatus)})",
            name="status",
        ),
        CheckConstraint("preparation_minutes BETWEEN 1 AND 240", name="preparation_minutes"),
        CheckConstraint(
            f"expire_orders_minutes BETWEEN {LEAST_EXPIRY_MINUTES} AND {MOST_EXPIRY_MINUTES}",
            name="expire_orders_minutes",
        ),
        CheckConstraint(
            "most_preparation_minutes BETWEEN preparation_minutes AND 240",
            name="most_preparation_minutes",
        ),
        CheckConstraint("seconds_per_unit BETWEEN 0 AND 3600", name="seconds_per_unit"),
        CheckConstraint(
            f"kitchen_unit IN ({', '.join(repr(str(unit)) for unit in KitchenUnit)})",
            name="kitchen_unit",
        ),
        CheckConstraint(
            f"holiday_hours IN ({', '.join(repr(str(hours)) for hours in HolidayHours)})",
            name="holiday_hours",
        ),
        CheckConstraint(
            f"keep_transcripts_days BETWEEN 1 AND {MOST_TRANSCRIPT_DAYS}",
            name="keep_transcripts_days",
        ),
        CheckConstraint(
            f"keep_calls_months BETWEEN 1 AND {MOST_CALL_MONTHS}", name="keep_calls_months"
        ),
        CheckConstraint(
            f"keep_voice_messages_days BETWEEN 1 AND {MOST_VOICE_MESSAGE_DAYS}",
            name="keep_voice_messages_days",
        ),
        CheckConstraint(
            f"most_calls_at_once BETWEEN 1 AND {MOST_CALLS_AT_ONCE}", name="most_calls_at_once"
        ),
        CheckConstraint(
            f"most_calls_an_hour BETWEEN 1 AND {MOST_CALLS_AN_HOUR}", name="most_calls_an_hour"
        ),
        CheckConstraint(
            f"most_ai_minutes_a_day BETWEEN 1 AND {MOST_AI_MINUTES_A_DAY}",
            name="most_ai_minutes_a_day",
        ),
        CheckConstraint(
            f"payment_policy IN ({', '.join(repr(str(policy)) for policy in PaymentPolicy)})",
            name="payment_policy",
        ),
        CheckConstraint(
            f"payment_minutes BETWEEN 5 AND {MOST_PAYMENT_MINUTES}", name="payment_minutes"
        ),
    )

    id: Mapped[PrimaryKey]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    spoken_name: Mapped[str]
    address: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="Europe/Paris")
    phone_e164: Mapped[str]
    status: Mapped[str] = mapped_column(default=RestaurantStatus.ONBOARDING)
    preparation_minutes: Mapped[int] = mapped_column(default=20)
    """The least that an order takes; each open unit of `kitchen_unit` adds its seconds, up to the
    most."""
    most_preparation_minutes: Mapped[int] = mapped_column(default=240, server_default=text("240"))
    seconds_per_unit: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    kitchen_unit: Mapped[str] = mapped_column(
        default=KitchenUnit.POINTS, server_default=text("'points'")
    )
    expire_orders_minutes: Mapped[int] = mapped_column(default=120, server_default=text("120"))
    """An order that nobody took expires so long after it was to be ready."""
    holiday_hours: Mapped[str] = mapped_column(
        default=HolidayHours.AS_USUAL, server_default=text("'as_usual'")
    )
    alsace_moselle: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It has thirteen public holidays a year, and not eleven."""
    voice: Mapped[str] = mapped_column(default="marin")
    realtime_model: Mapped[str] = mapped_column(default="gpt-realtime-2.1-mini")
    keep_transcripts_days: Mapped[int] = mapped_column(server_default=text("90"))
    keep_calls_months: Mapped[int] = mapped_column(server_default=text("13"))
    """Calls are deleted after this time; orders lose the customer's name, number and note."""
    keep_voice_messages_days: Mapped[int] = mapped_column(server_default=text("30"))
    limits: Mapped[CallLimits] = composite(
        mapped_column("most_calls_at_once", server_default=text(str(DEFAULT_LIMITS.at_once))),
        mapped_column("most_calls_an_hour", server_default=text(str(DEFAULT_LIMITS.an_hour))),
        mapped_column(
            "most_ai_minutes_a_day", server_default=text(str(DEFAULT_LIMITS.ai_minutes_a_day))
        ),
    )
    """Over one of them its callers are asked for a message; the table's columns begin with `most_`.
    """
    payment_policy: Mapped[str] = mapped_column(
        default=PaymentPolicy.AT_PICKUP, server_default=text("'at_pickup'")
    )
    payment_minutes: Mapped[int] = mapped_column(default=20, server_default=text("20"))
    """A customer may pay by the link for so long; then they pay where they get their order."""
    created_at: Mapped[CreatedAt]
