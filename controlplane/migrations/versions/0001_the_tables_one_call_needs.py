"""The tables one call needs, and the trigger that puts the outbox in commit order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Identity values are handed out at the insert, rows become visible at the commit: without the lock
# a page that has seen 7 could miss a 6 committed later. The lock lasts from the insert to the
# commit, and only among writers of one restaurant. "outb" in ASCII keeps its keys apart.
OUTBOX_FUNCTION = """
CREATE FUNCTION event_outbox_in_commit_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(x'6f757462'::int, hashtext(NEW.restaurant_id::text));
    NEW.id := nextval(pg_get_serial_sequence(TG_RELID::regclass::text, 'id'));
    PERFORM pg_notify('event_outbox', NEW.restaurant_id::text);
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "ai_worker_node",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_worker_node")),
    )
    op.create_table(
        "restaurant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spoken_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("phone_e164", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("preparation_minutes", sa.Integer(), nullable=False),
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("realtime_model", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('onboarding', 'live', 'paused', 'closed')",
            name=op.f("ck_restaurant_status"),
        ),
        sa.CheckConstraint(
            "preparation_minutes BETWEEN 1 AND 240", name=op.f("ck_restaurant_preparation_minutes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restaurant")),
        sa.UniqueConstraint("slug", name=op.f("uq_restaurant_slug")),
    )
    op.create_table(
        "sip_bridge_node",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("capacity BETWEEN 1 AND 200", name=op.f("ck_sip_bridge_node_capacity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sip_bridge_node")),
    )
    op.create_table(
        "call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("bridge_id", sa.Text(), nullable=True),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("channel_uuid", sa.Uuid(), nullable=True),
        sa.Column("sip_call_id", sa.Text(), nullable=True),
        sa.Column("caller_number", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("time_to_agent_ms", sa.Integer(), nullable=True),
        sa.Column("disclosure_played_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("hangup_cause", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("realtime_model", sa.Text(), nullable=True),
        sa.Column("input_audio_tokens", sa.Integer(), nullable=False),
        sa.Column("input_text_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("output_audio_tokens", sa.Integer(), nullable=False),
        sa.Column("output_text_tokens", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('order', 'information', 'transferred', 'abandoned', 'unserved', 'error')",
            name=op.f("ck_call_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurant.id"], name=op.f("fk_call_restaurant_id_restaurant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_call_restaurant_id_id")),
    )
    op.create_index(
        op.f("ix_call_restaurant_id_call_started_at"),
        "call",
        ["restaurant_id", "started_at"],
        unique=False,
    )
    op.create_table(
        "event_outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_event_outbox_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_outbox")),
    )
    op.create_index(
        op.f("ix_event_outbox_restaurant_id_event_outbox_id"),
        "event_outbox",
        ["restaurant_id", "id"],
        unique=False,
    )
    op.create_table(
        "menu_category",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_menu_category_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_category")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_menu_category_restaurant_id_id")),
    )
    op.create_table(
        "opening_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_opening_rule_weekday")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_opening_rule_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_rule")),
    )
    op.create_index(
        op.f("ix_opening_rule_restaurant_id"), "opening_rule", ["restaurant_id"], unique=False
    )
    op.create_table(
        "option_group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("min_select", sa.Integer(), nullable=False),
        sa.Column("max_select", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= min_select AND min_select <= max_select",
            name=op.f("ck_option_group_select_range"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_option_group_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_option_group")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_option_group_restaurant_id_id")),
    )
    op.create_table(
        "order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("customer_phone_e164", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('placed', 'accepted', 'preparing', 'ready', 'completed',"
            " 'rejected', 'cancelled')",
            name=op.f("ck_order_status"),
        ),
        sa.CheckConstraint("total_cents >= 0", name=op.f("ck_order_total_cents")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurant.id"], name=op.f("fk_order_restaurant_id_restaurant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_order_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id", "idempotency_key", name=op.f("uq_order_restaurant_id_idempotency_key")
        ),
        sa.UniqueConstraint(
            "restaurant_id",
            "service_date",
            "number",
            name=op.f("uq_order_restaurant_id_service_date_number"),
        ),
    )
    op.create_table(
        "sip_registration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_name", sa.Text(), nullable=False),
        sa.Column("registrar", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("expire_seconds", sa.Integer(), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("bridge_id", sa.Text(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("last_sip_code", sa.Integer(), nullable=True),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "transport IN ('udp', 'tcp', 'tls')", name=op.f("ck_sip_registration_transport")
        ),
        sa.CheckConstraint(
            "expire_seconds BETWEEN 60 AND 86400", name=op.f("ck_sip_registration_expire_seconds")
        ),
        sa.ForeignKeyConstraint(
            ["bridge_id"],
            ["sip_bridge_node.id"],
            name=op.f("fk_sip_registration_bridge_id_sip_bridge_node"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_sip_registration_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sip_registration")),
        sa.UniqueConstraint("gateway_name", name=op.f("uq_sip_registration_gateway_name")),
        sa.UniqueConstraint("restaurant_id", name=op.f("uq_sip_registration_restaurant_id")),
    )
    op.create_table(
        "call_turn",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("heard_ms", sa.Integer(), nullable=True),
        sa.Column("tool_name", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('caller', 'agent', 'tool')", name=op.f("ck_call_turn_role")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "call_id"],
            ["call.restaurant_id", "call.id"],
            name=op.f("fk_call_turn_restaurant_id_call_id_call"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_turn")),
    )
    op.create_index(
        op.f("ix_call_turn_restaurant_id_call_turn_call_id"),
        "call_turn",
        ["restaurant_id", "call_id"],
        unique=False,
    )
    op.create_table(
        "menu_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spoken_name", sa.Text(), nullable=False),
        sa.Column("aliases", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("vat_rate_bp", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("sold_out_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_menu_item_price_cents")),
        sa.CheckConstraint(
            "vat_rate_bp BETWEEN 0 AND 10000", name=op.f("ck_menu_item_vat_rate_bp")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "category_id"],
            ["menu_category.restaurant_id", "menu_category.id"],
            name=op.f("fk_menu_item_restaurant_id_category_id_menu_category"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_item")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_menu_item_restaurant_id_id")),
    )
    op.create_table(
        "option",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("option_group_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spoken_name", sa.Text(), nullable=False),
        sa.Column("aliases", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("price_delta_cents", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sold_out_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "option_group_id"],
            ["option_group.restaurant_id", "option_group.id"],
            name=op.f("fk_option_restaurant_id_option_group_id_option_group"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_option")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_option_restaurant_id_id")),
    )
    op.create_table(
        "order_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            name=op.f("fk_order_event_restaurant_id_order_id_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_event")),
    )
    op.create_index(
        op.f("ix_order_event_restaurant_id_order_event_order_id"),
        "order_event",
        ["restaurant_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "order_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("menu_item_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("unit_price_cents", sa.Integer(), nullable=False),
        sa.Column("vat_rate_bp", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 99", name=op.f("ck_order_line_quantity")),
        sa.CheckConstraint(
            "total_cents = quantity * unit_price_cents", name=op.f("ck_order_line_total_cents")
        ),
        sa.CheckConstraint("unit_price_cents >= 0", name=op.f("ck_order_line_unit_price_cents")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            name=op.f("fk_order_line_restaurant_id_order_id_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
    )
    op.create_index(
        op.f("ix_order_line_restaurant_id_order_line_order_id"),
        "order_line",
        ["restaurant_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "item_option_group",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("option_group_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            name=op.f("fk_item_option_group_restaurant_id_item_id_menu_item"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "option_group_id"],
            ["option_group.restaurant_id", "option_group.id"],
            name=op.f("fk_item_option_group_restaurant_id_option_group_id_option_group"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "item_id", "option_group_id", name=op.f("pk_item_option_group")
        ),
    )
    op.execute(OUTBOX_FUNCTION)
    op.execute(
        "CREATE TRIGGER event_outbox_in_commit_order BEFORE INSERT ON event_outbox"
        " FOR EACH ROW EXECUTE FUNCTION event_outbox_in_commit_order()"
    )


def downgrade() -> None:
    op.drop_table("item_option_group")
    op.drop_index(op.f("ix_order_line_restaurant_id_order_line_order_id"), table_name="order_line")
    op.drop_table("order_line")
    op.drop_index(
        op.f("ix_order_event_restaurant_id_order_event_order_id"), table_name="order_event"
    )
    op.drop_table("order_event")
    op.drop_table("option")
    op.drop_table("menu_item")
    op.drop_index(op.f("ix_call_turn_restaurant_id_call_turn_call_id"), table_name="call_turn")
    op.drop_table("call_turn")
    op.drop_table("sip_registration")
    op.drop_table("order")
    op.drop_table("option_group")
    op.drop_index(op.f("ix_opening_rule_restaurant_id"), table_name="opening_rule")
    op.drop_table("opening_rule")
    op.drop_table("menu_category")
    op.drop_index(op.f("ix_event_outbox_restaurant_id_event_outbox_id"), table_name="event_outbox")
    op.drop_table("event_outbox")
    op.drop_index(op.f("ix_call_restaurant_id_call_started_at"), table_name="call")
    op.drop_table("call")
    op.drop_table("sip_bridge_node")
    op.drop_table("restaurant")
    op.drop_table("ai_worker_node")
    op.execute("DROP FUNCTION event_outbox_in_commit_order")
