"""`alloresto fs`: one FreeSWITCH, over its event socket."""

import click

from controlplane.commands import environment
from controlplane.commands.options import port_option
from controlplane.esl.probe import status_lines


@click.command()
@click.option("--host", default=environment.LOOPBACK)
@port_option
def status(*, host: str, port: int | None) -> None:
    """What one FreeSWITCH says of itself."""
    password = environment.esl_password(host)
    print(*status_lines(host, port or environment.esl_port(host), password), sep="\n")
