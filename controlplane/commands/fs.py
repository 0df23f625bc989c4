"""`alloresto fs`: one FreeSWITCH, over its event socket."""

import click

from controlplane.commands import environment
from controlplane.esl.probe import status_lines


@click.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", default=8021)
def status(*, host: str, port: int) -> None:
    """What one FreeSWITCH says of itself."""
    print(*status_lines(host, port, environment.esl_password()), sep="\n")
