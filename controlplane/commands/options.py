"""The arguments and options that several commands share."""

from typing import Final

import click

ACTOR: Final = "admin"
"""So the audit log names whoever types commands."""

restaurant_argument = click.argument(
    "restaurant", metavar="RESTAURANT", help="Slug, id or gateway name."
)
account_argument = click.argument(
    "name", metavar="NAME", help="Gateway name, slug or restaurant id."
)
port_option = click.option(
    "--port",
    type=int,
    help="Of FreeSWITCH's event socket; ALLORESTO_ESL_PORT, else 8021, when not given.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
json_line_option = click.option("--json", "as_json", is_flag=True, help="End with one JSON line.")
json_lines_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
