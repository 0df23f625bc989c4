"""Alembic's entry: runs inside the connection and transaction `schema.py` opened."""

from alembic import context

from controlplane.models.registry import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError(
        "migrations run through controlplane.migrations.schema (`alloresto db upgrade`)"
    )

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
