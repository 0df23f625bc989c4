"""`alloresto invoice plan`, `subscribe`, `recipient`: what a restaurant is billed, and to whom."""

from datetime import date
from functools import partial
from typing import Any

import click

from controlplane.billing import accounts
from controlplane.billing.amounts import MICROS_PER_CENT
from controlplane.billing.document import Party
from controlplane.billing.seller import french_vat, siren
from controlplane.commands.admin_database import ask_restaurant, in_transaction
from controlplane.commands.invoice_options import (
    Checked,
    Euros,
    Month,
    postcode,
    printable,
    this_month,
)
from controlplane.commands.options import restaurant_argument


@click.command()
@click.argument("code", metavar="PLAN", help='How commands call it: "essentiel".')
@click.option("--name", type=Checked(printable), required=True, help="It stands on invoices.")
@click.option("--base-fee", type=Euros(), required=True, help="A month, net, in whole cents.")
@click.option("--minute", type=Euros(), required=True, help="A minute beyond those included, net.")
@click.option("--included-minutes", type=click.IntRange(0, 1_000_000), default=0)
@click.option("--number", type=Euros(), default="0", help="A number a month, net, in whole cents.")
@click.option("--sms", type=Euros(), default="0", help="A part of an SMS, net.")
def plan(*, code: str, base_fee: int, minute: int, number: int, sms: int, **others: Any) -> None:
    """A new version of a plan; who has an earlier one keeps it."""
    for option, micros in (("--base-fee", base_fee), ("--number", number)):
        if micros % MICROS_PER_CENT:
            raise click.BadParameter("no whole number of cents", param_hint=option)
    adding = partial(
        accounts.add_version,
        code=code,
        base_fee_cents=base_fee // MICROS_PER_CENT,
        minute_micros=minute,
        number_fee_cents=number // MICROS_PER_CENT,
        sms_micros=sms,
        **others,
    )
    print(f"{code}: version {in_transaction(adding).version}")


@click.command()
@restaurant_argument
@click.argument("code", metavar="[PLAN]", required=False, help="Its newest version; or --end.")
@click.option("--from", "month", type=Month(), help="From this month on; this one, if not given.")
@click.option("--numbers", type=click.IntRange(0, 100), default=0, help="Numbers we provide.")
@click.option("--end", is_flag=True, help="No plan from that month on.")
def subscribe(
    *, restaurant: str, code: str | None, month: date | None, numbers: int, end: bool
) -> None:
    """Give a restaurant a plan from a month on, or none."""
    if end == (code is not None):
        raise click.UsageError("name a plan, or say --end")
    month = month or this_month()
    subscribing = partial(accounts.subscribe, code=code, month=month, numbers=numbers)
    owner, given = ask_restaurant(restaurant, subscribing)
    what = f"{given.code}, version {given.version}" if given else "no plan"
    print(f"{owner.slug}: {what} from {month:%Y-%m} on")


@click.command()
@restaurant_argument
@click.option("--name", type=Checked(printable), required=True, help="The firm's.")
@click.option("--siren", type=Checked(siren), required=True)
@click.option("--vat", type=Checked(french_vat), help="Left out for a firm in the franchise.")
@click.option("--street", type=Checked(printable), required=True)
@click.option("--postcode", type=Checked(postcode), required=True)
@click.option("--city", type=Checked(printable), required=True)
def recipient(*, restaurant: str, vat: str | None, **fields: str) -> None:
    """Who pays for a restaurant; invoices issued before keep whom they named."""
    party = Party(vat_number=vat, **fields)
    owner, _ = ask_restaurant(restaurant, partial(accounts.set_recipient, party=party))
    print(f"{owner.slug}: {party.name} pays")
