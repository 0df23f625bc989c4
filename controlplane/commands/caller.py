"""`alloresto caller`: whose calls a restaurant does not want, how many it takes, what is kept of
callers.
"""

import sys
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Final

import click
from redis import RedisError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant, in_transaction
from controlplane.commands.environment import redis_url
from controlplane.commands.options import json_lines_option, json_option, restaurant_argument
from controlplane.controller.erase_events import erase_events
from controlplane.errors import ServiceUnavailable
from controlplane.models.restaurant import (
    MOST_AI_MINUTES_A_DAY,
    MOST_CALL_MONTHS,
    MOST_CALLS_AN_HOUR,
    MOST_CALLS_AT_ONCE,
    MOST_TRANSCRIPT_DAYS,
    MOST_VOICE_MESSAGE_DAYS,
    Restaurant,
)
from controlplane.redis_clients import sync_redis
from controlplane.restaurants import blocked_callers, call_limits, retention
from controlplane.restaurants.erase_caller import Erased, Part, erase_caller
from controlplane.restaurants.find_restaurant import find_restaurant
from controlplane.text_table import table

REDIS_DEADLINE_S: Final = 10.0
REFERENCE_DIGITS: Final = 6
"""So short a hash names one of sixteen million numbers: it tells two reports apart, and no number
can be found from it.
"""

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
@number_argument
@click.option("--restaurant", metavar="RESTAURANT", help="At this one only; at all when not given.")
@json_option
def erase(*, number: str, restaurant: str | None, as_json: bool) -> None:
    """Erase what is known of this number's caller, and report what was erased and what is kept.

    NUMBER may be - to be read from standard input, so that it is in no shell's history. Erasing
    twice changes nothing more.
    """
    written = sys.stdin.readline() if number == "-" else number

    async def work(session: AsyncSession) -> tuple[Erased, int]:
        everywhere = select(Restaurant).order_by(Restaurant.id)
        where = (
            [await find_restaurant(session, restaurant)]
            if restaurant is not None
            else list(await session.scalars(everywhere))
        )
        erased = await erase_caller(session, where, written)
        return erased, _erase_in_redis(erased)  # both or, should Redis be away, neither

    report, events = in_transaction(work)
    parts = [*report.parts, *([Part(table="redis", erased=events)] if events else [])]
    reference = sha256(report.number.encode()).hexdigest()[:REFERENCE_DIGITS]
    if as_json:
        print(record.as_json({"reference": reference, "parts": [asdict(part) for part in parts]}))
        return
    print(f"reference {reference}")
    rows = [(part.table, str(part.erased), str(part.kept), part.why) for part in parts]
    print(table(("TABLE", "ERASED", "KEPT", "WHY"), rows) if rows else "nothing was found")


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


def _erase_in_redis(report: Erased) -> int:
    redis = sync_redis(redis_url(), timeout_s=REDIS_DEADLINE_S)
    try:
        return erase_events(
            redis,
            number=report.number,
            call_ids=report.call_ids,
            restaurant_ids=report.restaurant_ids,
        )
    except RedisError as error:
        raise ServiceUnavailable("Redis does not answer at REDIS_URL: nothing is erased") from error
    finally:
        redis.close()
