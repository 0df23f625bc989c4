"""`alloresto db`: the database's schema."""

import click

from controlplane.commands import environment
from controlplane.migrations.schema import upgrade as upgrade_schema


@click.command()
def upgrade() -> None:
    """Migrate to the newest schema."""
    upgrade_schema(environment.database_url(), secret_keys=environment.secret_keys_if_set())
