"""`alloresto caller`: whose calls a restaurant does not want, how many it takes, what is kept of
callers.
"""

from dataclasses import asdict
from functools import partial

import click

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import json_lines_option, json_option, restaurant_argument
from controlplane.models.restaurant import (
    MOST_AI_MINUTES_A_DAY,
    MOST_CALL_MONTHS,
    MOST_CALLS_AN_HOUR,
    MOST_CALLS_AT_ONCE,
    MOST_TRANSCRIPT_DAYS,
    MOST_VOICE_MESSAGE_DAYS,
)
from controlplane.restaurants import blocked_callers, call_limits, retention

number_argument = click.argument("number", metavar="NUMBER", help="06 39 98 01 23, or +33…")


@click.command()
@restaurant_argument
@number_argument
def block(*, restaurant: str, number: str) -> None:
    """Refuse this number's calls from now on; hidden numbers cannot be refused."""
    owner, blocked = ask_restaurant(restaurant, partial(blocked_callers.block, number=number))
    print(f"{owner.slug}: calls from {blocked} are refused")


@click.command()
@restaurant_argument
@number_argument
def unblock(*, restaurant: str, number: str) -> None:
    """Take this number's calls again."""
    owner, unblocked = ask_restaurant(restaurant, partial(blocked_callers.unblock, number=number))
    print(f"{owner.slug}: calls from {unblocked} are taken again")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The blocked numbers, one a line."""
    _, numbers = ask_restaurant(restaurant, blocked_callers.list_blocked)
    for number in numbers:
        print(record.as_json({"number": number}) if as_json else number)


@click.command()
@restaurant_argument
@click.option("--at-once", type=click.IntRange(1, MOST_CALLS_AT_ONCE))
@click.option("--an-hour", type=click.IntRange(1, MOST_CALLS_AN_HOUR))
@click.option("--ai-minutes-a-day", type=click.IntRange(1, MOST_AI_MINUTES_A_DAY))
@json_option
def limits(
    *,
    restaurant: str,
    at_once: int | None,
    an_hour: int | None,
    ai_minutes_a_day: int | None,
    as_json: bool,
) -> None:
    """How many calls it takes before callers are asked for a message; what is given is changed."""
    changing = partial(
        call_limits.limit, at_once=at_once, an_hour=an_hour, ai_minutes_a_day=ai_minutes_a_day
    )
    _, set_now = ask_restaurant(restaurant, changing)
    _show(asdict(set_now), as_json=as_json)


@click.command()
@restaurant_argument
@click.option("--transcripts-days", type=click.IntRange(1, MOST_TRANSCRIPT_DAYS))
@click.option("--calls-months", type=click.IntRange(1, MOST_CALL_MONTHS))
@click.option("--voice-messages-days", type=click.IntRange(1, MOST_VOICE_MESSAGE_DAYS))
@json_option
def keep(
    *,
    restaurant: str,
    transcripts_days: int | None,
    calls_months: int | None,
    voice_messages_days: int | None,
    as_json: bool,
) -> None:
    """How long what is known of callers is kept; what is given is changed."""
    changing = partial(
        retention.keep,
        transcripts_days=transcripts_days,
        calls_months=calls_months,
        voice_messages_days=voice_messages_days,
    )
    _, kept = ask_restaurant(restaurant, changing)
    _show(asdict(kept), as_json=as_json)


def _show(values: dict[str, int], *, as_json: bool) -> None:
    shown = {name: str(value) for name, value in values.items()}
    print(record.as_json(values) if as_json else record.fields(shown))
