"""Carriers, the controller's lease, moves, encrypted SIP passwords, what callers leave.

Accounts of 0001 keep working: each distinct registrar becomes a carrier, and their passwords are
encrypted with the key in ALLORESTO_SECRET_KEYS. Where INVITEs may come from was one list of the
bridges' environment; each carrier starts with loopback alone, to be set before the bridges restart.
"""

import sqlalchemy as sa
from alembic import op

from controlplane.errors import ConfigurationError
from controlplane.secret_box import SETTING, SecretBox

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What a worker's snapshot is made of (controlplane/restaurants/config_cache.py). A NOTIFY of one
# payload is sent once a transaction, however many rows change.
SNAPSHOT_TABLES = (
    "menu_category",
    "menu_item",
    "option_group",
    "option",
    "item_option_group",
    "opening_rule",
    "transfer_target",
)
# What the bridge holds of a restaurant beside its gateway.
POLICY_TABLES = ("transfer_target", "blocked_caller")

OUTCOMES = (
    "outcome IN ('order', 'information', 'transferred', 'abandoned', 'unserved', 'message',"
    " 'error')"
)

FUNCTIONS = (
    """
CREATE FUNCTION notify_restaurant_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('restaurant_changed', NEW.restaurant_id::text);
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('restaurant_changed', OLD.restaurant_id::text);
    END IF;
    RETURN NULL;
END
$$
""",
    """
CREATE FUNCTION notify_bridge_of_restaurant() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.restaurant_id ELSE NEW.restaurant_id END;
BEGIN
    PERFORM pg_notify('registration_changed', bridge)
    FROM sip_registration, unnest(ARRAY[bridge_id, former_bridge_id]) AS bridge
    WHERE restaurant_id = changed AND bridge IS NOT NULL;
    RETURN NULL;
END
$$
""",
    # The gateway carries the restaurant's slug (its greeting) and phone: it is made again when one
    # of them changes, and comes or goes with the status.
    """
CREATE FUNCTION restaurant_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('restaurant_changed', OLD.id::text);
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    IF NEW.phone_e164 <> OLD.phone_e164 OR NEW.slug <> OLD.slug THEN
        UPDATE sip_registration SET config_version = config_version + 1
        WHERE restaurant_id = NEW.id;
    ELSIF NEW.status <> OLD.status THEN
        PERFORM pg_notify('registration_changed', coalesce(bridge_id, ''))
        FROM sip_registration WHERE restaurant_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$
""",
    # What a gateway is made of makes it again; networks, paces and limits only need to be read.
    """
CREATE FUNCTION carrier_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.registrar, NEW.transport, NEW.expire_seconds, NEW.codecs, NEW.number_format)
        IS DISTINCT FROM
        (OLD.registrar, OLD.transport, OLD.expire_seconds, OLD.codecs, OLD.number_format)
    THEN
        UPDATE sip_registration SET config_version = config_version + 1 WHERE carrier_id = NEW.id;
    ELSE
        PERFORM pg_notify('registration_changed', bridge) FROM (
            SELECT DISTINCT unnest(ARRAY[bridge_id, former_bridge_id]) AS bridge
            FROM sip_registration WHERE carrier_id = NEW.id
        ) AS bridges WHERE bridge IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$
""",
    # A changed account deserves fresh tries. Re-encrypting (a new key) is done with the trigger's
    # setting `alloresto.resealing`, for it changes no account.
    """
CREATE FUNCTION sip_account_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.carrier_id, NEW.username) IS DISTINCT FROM (OLD.carrier_id, OLD.username)
        OR (NEW.password_encrypted <> OLD.password_encrypted
            AND coalesce(current_setting('alloresto.resealing', true), '') <> 'on')
        OR NEW.config_version <> OLD.config_version
    THEN
        NEW.config_version := OLD.config_version + 1;
        NEW.auth_failures := 0;
        NEW.next_retry_at := NULL;
    END IF;
    RETURN NEW;
END
$$
""",
    # Agents' reports (state, codes, retries) tell nobody; what they are to do does.
    """
CREATE FUNCTION sip_registration_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('registration_changed', coalesce(OLD.bridge_id, ''));
        PERFORM pg_notify('registration_changed', coalesce(OLD.former_bridge_id, ''));
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT'
        OR (NEW.bridge_id, NEW.epoch, NEW.config_version)
            IS DISTINCT FROM (OLD.bridge_id, OLD.epoch, OLD.config_version)
        OR (NEW.auth_failures = 0 AND OLD.auth_failures > 0 AND NEW.state <> 'REGED')
        OR (NEW.requested_bridge_id IS NOT NULL
            AND NEW.requested_bridge_id IS DISTINCT FROM OLD.requested_bridge_id)
    THEN
        PERFORM pg_notify('registration_changed', coalesce(NEW.bridge_id, ''));
        IF TG_OP = 'UPDATE' AND OLD.bridge_id IS DISTINCT FROM NEW.bridge_id
            AND OLD.bridge_id IS NOT NULL
        THEN
            PERFORM pg_notify('registration_changed', OLD.bridge_id);
        END IF;
        IF TG_OP = 'UPDATE' AND OLD.former_bridge_id IS DISTINCT FROM NEW.former_bridge_id
            AND OLD.former_bridge_id IS NOT NULL
        THEN
            PERFORM pg_notify('registration_changed', OLD.former_bridge_id);
        END IF;
    END IF;
    RETURN NULL;
END
$$
""",
    # A drain asked for or called off is the controller's to see to, and the bridge's to know.
    """
CREATE FUNCTION sip_bridge_node_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('registration_changed', NEW.id);
    RETURN NULL;
END
$$
""",
)
TRIGGERS = (
    *(
        f'CREATE TRIGGER notify_restaurant_changed AFTER INSERT OR UPDATE OR DELETE ON "{table}"'
        " FOR EACH ROW EXECUTE FUNCTION notify_restaurant_changed()"
        for table in SNAPSHOT_TABLES
    ),
    *(
        f"CREATE TRIGGER notify_bridge AFTER INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION notify_bridge_of_restaurant()"
        for table in POLICY_TABLES
    ),
    "CREATE TRIGGER restaurant_changed AFTER UPDATE ON restaurant"
    " FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION restaurant_changed()",
    "CREATE TRIGGER restaurant_deleted AFTER DELETE ON restaurant"
    " FOR EACH ROW EXECUTE FUNCTION restaurant_changed()",
    "CREATE TRIGGER carrier_changed AFTER UPDATE ON carrier"
    " FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION carrier_changed()",
    "CREATE TRIGGER sip_account_changed BEFORE UPDATE ON sip_registration"
    " FOR EACH ROW EXECUTE FUNCTION sip_account_changed()",
    "CREATE TRIGGER sip_registration_changed AFTER INSERT OR UPDATE OR DELETE ON sip_registration"
    " FOR EACH ROW EXECUTE FUNCTION sip_registration_changed()",
    "CREATE TRIGGER sip_bridge_node_changed AFTER UPDATE OF drain_requested_at ON sip_bridge_node"
    " FOR EACH ROW WHEN (OLD.drain_requested_at IS DISTINCT FROM NEW.drain_requested_at)"
    " EXECUTE FUNCTION sip_bridge_node_changed()",
)


def upgrade() -> None:
    _create_tables()
    op.add_column("sip_bridge_node", sa.Column("sip_address", sa.Text(), nullable=True))
    op.add_column("sip_bridge_node", sa.Column("instance", sa.Text(), nullable=True))
    op.add_column(
        "sip_bridge_node",
        sa.Column("drain_requested_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.drop_column("sip_bridge_node", "draining")
    op.drop_constraint(op.f("ck_call_outcome"), "call")
    op.create_check_constraint(op.f("ck_call_outcome"), "call", OUTCOMES)
    _widen_registrations()
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def _create_tables() -> None:
    op.create_table(
        "carrier",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("registrar", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("expire_seconds", sa.Integer(), nullable=False),
        sa.Column("registers_per_second", sa.Integer(), nullable=False),
        sa.Column("max_auth_failures", sa.Integer(), nullable=False),
        sa.Column("source_networks", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("codecs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("number_format", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("id ~ '^[a-z0-9_-]{1,32}$'", name=op.f("ck_carrier_id")),
        sa.CheckConstraint("transport IN ('udp', 'tcp')", name=op.f("ck_carrier_transport")),
        sa.CheckConstraint(
            "expire_seconds BETWEEN 60 AND 86400", name=op.f("ck_carrier_expire_seconds")
        ),
        sa.CheckConstraint(
            "registers_per_second BETWEEN 1 AND 100", name=op.f("ck_carrier_registers_per_second")
        ),
        sa.CheckConstraint(
            "max_auth_failures BETWEEN 1 AND 10", name=op.f("ck_carrier_max_auth_failures")
        ),
        sa.CheckConstraint(
            "cardinality(source_networks) BETWEEN 1 AND 32",
            name=op.f("ck_carrier_source_networks"),
        ),
        sa.CheckConstraint("cardinality(codecs) BETWEEN 1 AND 8", name=op.f("ck_carrier_codecs")),
        sa.CheckConstraint(
            "number_format IN ('+e164', '00e164', 'national')",
            name=op.f("ck_carrier_number_format"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier")),
    )
    op.create_table(
        "controller_lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_controller_lease")),
    )
    op.create_table(
        "transfer_target",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone_e164", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("mode IN ('blind', 'warm')", name=op.f("ck_transfer_target_mode")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_transfer_target_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_target")),
        sa.UniqueConstraint(
            "restaurant_id",
            "phone_e164",
            name=op.f("uq_transfer_target_restaurant_id_phone_e164"),
        ),
    )
    op.create_table(
        "blocked_caller",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("phone_e164", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_blocked_caller_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", "phone_e164", name=op.f("pk_blocked_caller")),
    )
    op.create_table(
        "voice_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("channel_uuid", sa.Uuid(), nullable=False),
        sa.Column("caller_number", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("audio", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(audio) <= 2000000", name=op.f("ck_voice_message_audio")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_voice_message_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_message")),
        sa.UniqueConstraint("channel_uuid", name=op.f("uq_voice_message_channel_uuid")),
    )
    op.create_index(
        op.f("ix_voice_message_restaurant_id_voice_message_recorded_at"),
        "voice_message",
        ["restaurant_id", "recorded_at"],
    )
    op.create_table(
        "sip_registration_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("bridge_id", sa.Text(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("sip_code", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["sip_registration.id"],
            name=op.f("fk_sip_registration_event_registration_id_sip_registration"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sip_registration_event")),
    )
    op.create_index(
        op.f("ix_sip_registration_event_registration_id_sip_registration_event_id"),
        "sip_registration_event",
        ["registration_id", "id"],
    )
    op.create_index(op.f("ix_sip_registration_event_at"), "sip_registration_event", ["at"])


def _widen_registrations() -> None:
    table = "sip_registration"
    for column in (
        sa.Column("carrier_id", sa.Text(), nullable=True),
        sa.Column("password_encrypted", sa.Text(), nullable=True),
        sa.Column("placement_reason", sa.Text(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("former_bridge_id", sa.Text(), nullable=True),
        sa.Column("requested_bridge_id", sa.Text(), nullable=True),
        sa.Column("state_epoch", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("auth_failures", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column(table, column)
    for column_name in ("state_epoch", "auth_failures"):
        op.alter_column(table, column_name, server_default=None)
    _carry_accounts_over()
    op.alter_column(table, "carrier_id", nullable=False)
    op.alter_column(table, "password_encrypted", nullable=False)
    op.drop_constraint(op.f("ck_sip_registration_transport"), table)
    op.drop_constraint(op.f("ck_sip_registration_expire_seconds"), table)
    for column_name in ("registrar", "transport", "expire_seconds", "password"):
        op.drop_column(table, column_name)
    op.create_foreign_key(
        op.f("fk_sip_registration_carrier_id_carrier"), table, "carrier", ["carrier_id"], ["id"]
    )
    for column_name in ("former_bridge_id", "requested_bridge_id"):
        op.create_foreign_key(
            op.f(f"fk_sip_registration_{column_name}_sip_bridge_node"),
            table,
            "sip_bridge_node",
            [column_name],
            ["id"],
        )
    op.create_check_constraint(
        op.f("ck_sip_registration_former_bridge_id"), table, "former_bridge_id <> bridge_id"
    )
    op.create_index(op.f("ix_sip_registration_bridge_id"), table, ["bridge_id"])
    op.create_index(op.f("ix_sip_registration_former_bridge_id"), table, ["former_bridge_id"])
    op.create_index(
        op.f("ix_sip_registration_requested_bridge_id"),
        table,
        ["requested_bridge_id"],
        postgresql_where=sa.text("requested_bridge_id IS NOT NULL"),
    )


def _carry_accounts_over() -> None:
    """Make each distinct registrar a carrier, and encrypt the accounts' passwords.

    TLS had no profile to go through: such an account never registered, and becomes TCP.
    """
    connection = op.get_bind()
    accounts = connection.execute(
        sa.text(
            "SELECT id, restaurant_id, registrar, transport, expire_seconds, password"
            " FROM sip_registration"
        )
    ).all()
    if not accounts:
        return
    config = op.get_context().config
    keys = config.attributes.get("secret_keys") if config is not None else None
    if not keys:
        raise ConfigurationError(
            f"{SETTING} is not set: {len(accounts)} SIP passwords are to be encrypted;"
            " make a key with `alloresto secrets new-key`"
        )
    box = SecretBox.from_keys(keys)
    carriers: dict[tuple[str, str, int], str] = {}
    for account in accounts:
        transport = "tcp" if account.transport == "tls" else account.transport
        profile = (account.registrar, transport, account.expire_seconds)
        if profile not in carriers:
            carriers[profile] = f"carrier-{len(carriers) + 1}"
            connection.execute(
                sa.text(
                    "INSERT INTO carrier (id, name, registrar, transport, expire_seconds,"
                    " registers_per_second, max_auth_failures, source_networks, codecs,"
                    " number_format) VALUES (:id, :registrar, :registrar, :transport, :expires,"
                    " 10, 3, :networks, '{PCMA,PCMU}', '+e164')"
                ),
                {
                    "id": carriers[profile],
                    "registrar": account.registrar,
                    "transport": transport,
                    "expires": account.expire_seconds,
                    "networks": ["127.0.0.0/8"],
                },
            )
        connection.execute(
            sa.text(
                "UPDATE sip_registration SET carrier_id = :carrier, password_encrypted = :sealed"
                " WHERE id = :id"
            ),
            {
                "carrier": carriers[profile],
                "sealed": box.seal(account.password, owner=account.restaurant_id),
                "id": account.id,
            },
        )


def downgrade() -> None:
    """Take the schema back. Passwords can't be decrypted here, so accounts are left without one and
    register nowhere.
    """
    op.execute("DROP TRIGGER sip_bridge_node_changed ON sip_bridge_node")
    op.execute("DROP TRIGGER sip_registration_changed ON sip_registration")
    op.execute("DROP TRIGGER sip_account_changed ON sip_registration")
    op.execute("DROP TRIGGER restaurant_changed ON restaurant")
    op.execute("DROP TRIGGER restaurant_deleted ON restaurant")
    for table in SNAPSHOT_TABLES:
        op.execute(f'DROP TRIGGER notify_restaurant_changed ON "{table}"')
    table = "sip_registration"
    for column in (
        sa.Column("registrar", sa.Text(), nullable=False, server_default=""),
        sa.Column("transport", sa.Text(), nullable=False, server_default="udp"),
        sa.Column("expire_seconds", sa.Integer(), nullable=False, server_default="60"),
        sa.Column("password", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column(table, column)
        op.alter_column(table, column.name, server_default=None)
    op.execute(
        "UPDATE sip_registration r SET registrar = c.registrar, transport = c.transport,"
        " expire_seconds = c.expire_seconds FROM carrier c WHERE c.id = r.carrier_id"
    )
    op.create_check_constraint(
        op.f("ck_sip_registration_transport"), table, "transport IN ('udp', 'tcp', 'tls')"
    )
    op.create_check_constraint(
        op.f("ck_sip_registration_expire_seconds"), table, "expire_seconds BETWEEN 60 AND 86400"
    )
    op.drop_constraint(op.f("ck_sip_registration_former_bridge_id"), table)
    op.drop_index(op.f("ix_sip_registration_bridge_id"), table)
    for column_name in (
        "carrier_id",
        "password_encrypted",
        "placement_reason",
        "placed_at",
        "former_bridge_id",
        "requested_bridge_id",
        "state_epoch",
        "next_retry_at",
        "auth_failures",
    ):
        op.drop_column(table, column_name)
    for name in (
        "sip_registration_event",
        "voice_message",
        "blocked_caller",
        "transfer_target",
        "controller_lease",
        "carrier",
    ):
        op.drop_table(name)
    op.add_column(
        "sip_bridge_node",
        sa.Column("draining", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.alter_column("sip_bridge_node", "draining", server_default=None)
    for column_name in ("sip_address", "instance", "drain_requested_at"):
        op.drop_column("sip_bridge_node", column_name)
    for name in (
        "sip_bridge_node_changed",
        "sip_registration_changed",
        "sip_account_changed",
        "carrier_changed",
        "restaurant_changed",
        "notify_bridge_of_restaurant",
        "notify_restaurant_changed",
    ):
        op.execute(f"DROP FUNCTION {name}")
