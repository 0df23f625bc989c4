"""Tokens of the JSON API, the keys of its requests, and webhooks, which the outbox writes down."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

WEB, NOTIFIER = DatabaseRole.WEB, DatabaseRole.NOTIFIER
CONTROLLER, ADMIN = DatabaseRole.CONTROLLER, DatabaseRole.ADMIN

SCOPES = (
    "'orders:read', 'orders:write', 'menu:read', 'reservations:read', 'reservations:write',"
    " 'customers:read', 'calls:read'"
)
TELL = """
CREATE FUNCTION outbox_tells_webhooks() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO webhook_delivery (restaurant_id, endpoint_id, event_id, topic, payload)
    SELECT e.restaurant_id, e.id, NEW.id, NEW.topic, NEW.payload
    FROM webhook_endpoint e
    WHERE e.restaurant_id = NEW.restaurant_id AND e.removed_at IS NULL
        AND NEW.topic = ANY (e.topics);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    _api_token()
    _api_request()
    _webhook_endpoint()
    _webhook_delivery()
    op.execute(TELL)
    op.execute(
        "CREATE TRIGGER outbox_tells_webhooks AFTER INSERT ON event_outbox"
        " FOR EACH ROW EXECUTE FUNCTION outbox_tells_webhooks()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER outbox_tells_webhooks ON event_outbox")
    op.execute("DROP FUNCTION outbox_tells_webhooks()")
    for table in ("webhook_delivery", "webhook_endpoint", "api_request", "api_token"):
        op.drop_table(table)


def _api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        _created_at(),
        sa.CheckConstraint("name <> ''", name=op.f("ck_api_token_name")),
        sa.CheckConstraint(
            f"cardinality(scopes) >= 1 AND scopes <@ ARRAY[{SCOPES}]::text[]",
            name=op.f("ck_api_token_scopes"),
        ),
        _of_restaurant("api_token"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        _one_of_its_own("api_token"),
        sa.UniqueConstraint(
            "restaurant_id", "token_hash", name="uq_api_token_restaurant_id_token_hash"
        ),
    )
    isolate("api_token", platform=[ADMIN])
    grant("api_token", {WEB: "SELECT, INSERT, UPDATE", ADMIN: "SELECT"})


def _api_request() -> None:
    op.create_table(
        "api_request",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        _created_at(),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "token_id"],
            ["api_token.restaurant_id", "api_token.id"],
            name=op.f("fk_api_request_restaurant_id_token_id_api_token"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", "token_id", "key", name=op.f("pk_api_request")),
    )
    op.create_index(op.f("ix_api_request_created_at"), "api_request", ["created_at"])
    isolate("api_request", platform=[CONTROLLER, ADMIN])
    grant(
        "api_request",
        {
            WEB: "SELECT, INSERT, UPDATE, DELETE",
            CONTROLLER: "SELECT, DELETE",
            ADMIN: "SELECT",
        },
    )


def _webhook_endpoint() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret_encrypted", sa.Text(), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        _created_at(),
        sa.CheckConstraint("url ~ '^https?://'", name=op.f("ck_webhook_endpoint_url")),
        sa.CheckConstraint("cardinality(topics) >= 1", name=op.f("ck_webhook_endpoint_topics")),
        _of_restaurant("webhook_endpoint"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint(
            "restaurant_id", "id", name=op.f("uq_webhook_endpoint_restaurant_id_id")
        ),
    )
    isolate("webhook_endpoint", platform=[NOTIFIER, ADMIN])
    grant(
        "webhook_endpoint",
        {WEB: "SELECT, INSERT, UPDATE", NOTIFIER: "SELECT", ADMIN: "SELECT, UPDATE"},
    )


def _webhook_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_answer", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        _created_at(),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_webhook_delivery_attempts")),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhook_delivery_state")
        ),
        sa.CheckConstraint(
            "(state = 'pending') = (settled_at IS NULL)",
            name=op.f("ck_webhook_delivery_settled_at"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "endpoint_id"],
            ["webhook_endpoint.restaurant_id", "webhook_endpoint.id"],
            name=op.f("fk_webhook_delivery_restaurant_id_endpoint_id_webhook_endpoint"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint(
            "restaurant_id", "id", name=op.f("uq_webhook_delivery_restaurant_id_id")
        ),
        sa.UniqueConstraint(
            "restaurant_id",
            "endpoint_id",
            "event_id",
            name="uq_webhook_delivery_restaurant_id_endpoint_id_event_id",
        ),
    )
    op.create_index(op.f("ix_webhook_delivery_created_at"), "webhook_delivery", ["created_at"])
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["next_attempt_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    isolate("webhook_delivery", platform=[NOTIFIER, CONTROLLER, ADMIN])
    grant(
        "webhook_delivery",
        {
            WEB: "SELECT, UPDATE",
            NOTIFIER: "SELECT, UPDATE",
            CONTROLLER: "SELECT, DELETE",
            ADMIN: "SELECT",
        },
    )


def _created_at() -> sa.Column[datetime]:
    return sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        server_default=sa.text("now()"),
        nullable=False,
    )


def _of_restaurant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["restaurant_id"],
        ["restaurant.id"],
        name=op.f(f"fk_{table}_restaurant_id_restaurant"),
        ondelete="CASCADE",
    )


def _one_of_its_own(table: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint("restaurant_id", "id", name=op.f(f"uq_{table}_restaurant_id_id"))
