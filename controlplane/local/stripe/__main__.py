"""`python -m controlplane.local.stripe --port 12111 --account KEY=SECRET=URL`, on loopback."""

import click
import uvicorn

from controlplane.local.stripe.stand_in import Endpoint, StandIn, create_app
from controlplane.log import configure_logging


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--account", "accounts", multiple=True, help="Its events are posted to the URL.")
def run(*, port: int, accounts: tuple[str, ...]) -> None:
    """Serve until SIGTERM or SIGINT."""
    configure_logging(process="stripe", level="INFO", human=False)
    known = {}
    for account in accounts:
        key, secret, url = account.split("=", 2)
        known[key] = Endpoint(url, secret)
    stripe = StandIn(f"http://127.0.0.1:{port}", known)
    uvicorn.run(create_app(stripe), host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    run()
