"""Plans, subscriptions, usage and invoices.

Triggers hold what accounting rests on, whoever writes: nothing is changed once written, numbers go
up by one, lines add up to their invoice, and usage is billed once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, run_as_owner

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CONTROLLER, ADMIN = DatabaseRole.CONTROLLER, DatabaseRole.ADMIN

TENANTS = {
    "subscription": {CONTROLLER: "SELECT", ADMIN: "SELECT, INSERT, UPDATE"},
    "usage_record": {CONTROLLER: "SELECT, INSERT", ADMIN: "SELECT, INSERT"},
    "invoice_recipient": {ADMIN: "SELECT, INSERT, UPDATE"},
    "invoice": {ADMIN: "SELECT, INSERT"},
    "invoice_line": {ADMIN: "SELECT, INSERT"},
    "invoice_usage": {ADMIN: "SELECT, INSERT"},
}
PLATFORM = {
    "plan": {CONTROLLER: "SELECT", ADMIN: "SELECT, INSERT"},
    "invoice_counter": {ADMIN: "SELECT, INSERT, UPDATE"},
}

APPEND_ONLY = ("plan", "usage_record", "invoice", "invoice_line", "invoice_usage")

FUNCTIONS = {
    "refuse_billing_change": """
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
""",
    "check_invoice_number": """
BEGIN
    IF NEW.number IS DISTINCT FROM (SELECT last FROM invoice_counter WHERE year = NEW.year) THEN
        RAISE EXCEPTION 'invoice number % is out of turn', NEW.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
""",
    "check_invoice_counter": """
BEGIN
    IF TG_OP = 'DELETE' OR NEW.last <> (CASE TG_OP WHEN 'INSERT' THEN 1 ELSE OLD.last + 1 END)
        OR TG_OP = 'UPDATE' AND NEW.year <> OLD.year
    THEN
        RAISE EXCEPTION 'invoice numbers go up by one' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
""",
    "check_number_is_used": """
BEGIN
    IF NOT EXISTS (SELECT FROM invoice WHERE year = NEW.year AND number = NEW.last) THEN
        RAISE EXCEPTION 'invoice number % would be missing', NEW.last
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
""",
    "check_invoice_adds_up": """
DECLARE
    head invoice%ROWTYPE;
    lines bigint;
    net bigint;
BEGIN
    IF TG_TABLE_NAME = 'invoice' THEN
        head := NEW;
    ELSE
        SELECT * INTO head FROM invoice
        WHERE restaurant_id = NEW.restaurant_id AND id = NEW.invoice_id;
    END IF;
    SELECT count(*), coalesce(sum(net_cents), 0) INTO lines, net FROM invoice_line
    WHERE restaurant_id = head.restaurant_id AND invoice_id = head.id;
    IF lines <> head.line_count OR net <> head.net_cents THEN
        RAISE EXCEPTION 'the lines of invoice %-% do not add up to it', head.year, head.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
""",
    "check_billed_once": """
BEGIN
    IF EXISTS (
        SELECT FROM invoice_usage earlier
        WHERE earlier.restaurant_id = NEW.restaurant_id AND earlier.usage_id = NEW.usage_id
        AND NOT EXISTS (
            SELECT FROM invoice credit
            WHERE credit.restaurant_id = NEW.restaurant_id
            AND credit.corrects_id = earlier.invoice_id
        )
    ) THEN
        RAISE EXCEPTION 'usage % is billed already', NEW.usage_id
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END
""",
}

TRIGGERS = (
    *(
        f"TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION refuse_billing_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"TRIGGER {table}_kept BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_billing_change()"
        for table in APPEND_ONLY
    ),
    "TRIGGER invoice_number BEFORE INSERT ON invoice"
    " FOR EACH ROW EXECUTE FUNCTION check_invoice_number()",
    "TRIGGER invoice_counter_step BEFORE INSERT OR UPDATE OR DELETE ON invoice_counter"
    " FOR EACH ROW EXECUTE FUNCTION check_invoice_counter()",
    "CONSTRAINT TRIGGER invoice_counter_used AFTER INSERT OR UPDATE ON invoice_counter"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_number_is_used()",
    *(
        f"CONSTRAINT TRIGGER {table}_adds_up AFTER INSERT ON {table}"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_invoice_adds_up()"
        for table in ("invoice", "invoice_line")
    ),
    "TRIGGER invoice_usage_once BEFORE INSERT ON invoice_usage"
    " FOR EACH ROW EXECUTE FUNCTION check_billed_once()",
)


def upgrade() -> None:
    op.create_table(
        "invoice_counter",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("last >= 1", name=op.f("ck_invoice_counter_last")),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_invoice_counter")),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_fee_cents", sa.Integer(), nullable=False),
        sa.Column("included_minutes", sa.Integer(), nullable=False),
        sa.Column("minute_micros", sa.Integer(), nullable=False),
        sa.Column("number_fee_cents", sa.Integer(), nullable=False),
        sa.Column("sms_micros", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("base_fee_cents >= 0", name=op.f("ck_plan_base_fee_cents")),
        sa.CheckConstraint("included_minutes >= 0", name=op.f("ck_plan_included_minutes")),
        sa.CheckConstraint("minute_micros >= 0", name=op.f("ck_plan_minute_micros")),
        sa.CheckConstraint("number_fee_cents >= 0", name=op.f("ck_plan_number_fee_cents")),
        sa.CheckConstraint("sms_micros >= 0", name=op.f("ck_plan_sms_micros")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plan_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_plan_code_version")),
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("seller", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("buyer", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_rate_bp", sa.Integer(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (corrects_id IS NOT NULL)",
            name=op.f("ck_invoice_corrects_id"),
        ),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (reason <> '')", name=op.f("ck_invoice_reason")
        ),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("ck_invoice_kind")),
        sa.CheckConstraint("EXTRACT(day FROM month) = 1", name=op.f("ck_invoice_month")),
        sa.CheckConstraint("EXTRACT(year FROM issued_on) = year", name=op.f("ck_invoice_year")),
        sa.CheckConstraint("due_on >= issued_on", name=op.f("ck_invoice_due_on")),
        sa.CheckConstraint("edition >= 1", name=op.f("ck_invoice_edition")),
        sa.CheckConstraint("net_cents >= 0", name=op.f("ck_invoice_net_cents")),
        sa.CheckConstraint(
            "total_cents = net_cents + vat_cents", name=op.f("ck_invoice_total_cents")
        ),
        sa.CheckConstraint(
            "vat_cents = (2 * net_cents * vat_rate_bp + 10000) / 20000",
            name=op.f("ck_invoice_vat_cents"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "corrects_id"],
            ["invoice.restaurant_id", "invoice.id"],
            name=op.f("fk_invoice_restaurant_id_corrects_id_invoice"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurant.id"], name=op.f("fk_invoice_restaurant_id_restaurant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_invoice_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id",
            "kind",
            "month",
            "edition",
            name=op.f("uq_invoice_restaurant_id_kind_month_edition"),
        ),
        sa.UniqueConstraint("year", "number", name=op.f("uq_invoice_year_number")),
    )
    op.create_table(
        "invoice_recipient",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("vat_number", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "name <> '' AND street <> '' AND city <> ''", name=op.f("ck_invoice_recipient_filled")
        ),
        sa.CheckConstraint("postcode ~ '^[0-9]{5}$'", name=op.f("ck_invoice_recipient_postcode")),
        sa.CheckConstraint("siren ~ '^[0-9]{9}$'", name=op.f("ck_invoice_recipient_siren")),
        sa.CheckConstraint(
            "vat_number ~ '^FR[0-9A-Z]{2}[0-9]{9}$'", name=op.f("ck_invoice_recipient_vat_number")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_invoice_recipient_restaurant_id_restaurant"),
        ),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_invoice_recipient")),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("numbers", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "EXTRACT(day FROM from_month) = 1", name=op.f("ck_subscription_from_month")
        ),
        sa.CheckConstraint("numbers BETWEEN 0 AND 100", name=op.f("ck_subscription_numbers")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan.id"], name=op.f("fk_subscription_plan_id_plan")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_subscription_restaurant_id_restaurant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint(
            "restaurant_id", "from_month", name=op.f("uq_subscription_restaurant_id_from_month")
        ),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_subscription_restaurant_id_id")),
    )
    op.create_table(
        "usage_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("realtime_model", sa.Text(), nullable=True),
        sa.Column("input_audio_tokens", sa.Integer(), nullable=False),
        sa.Column("input_text_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("output_audio_tokens", sa.Integer(), nullable=False),
        sa.Column("output_text_tokens", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('call', 'sms', 'number')", name=op.f("ck_usage_record_kind")),
        sa.CheckConstraint(
            "quantity >= 0 AND (kind <> 'number' OR quantity = 1)",
            name=op.f("ck_usage_record_quantity"),
        ),
        sa.CheckConstraint("EXTRACT(day FROM month) = 1", name=op.f("ck_usage_record_month")),
        sa.CheckConstraint("micros >= 0", name=op.f("ck_usage_record_micros")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan.id"], name=op.f("fk_usage_record_plan_id_plan")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_usage_record_restaurant_id_restaurant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_record")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_usage_record_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id",
            "kind",
            "source",
            name=op.f("uq_usage_record_restaurant_id_kind_source"),
        ),
    )
    op.create_index(
        op.f("ix_usage_record_restaurant_id_usage_record_month"),
        "usage_record",
        ["restaurant_id", "month"],
        unique=False,
    )
    op.create_table(
        "invoice_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_micros", sa.BigInteger(), nullable=False),
        sa.Column("per", sa.BigInteger(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('base', 'numbers', 'calls', 'sms')", name=op.f("ck_invoice_line_kind")
        ),
        sa.CheckConstraint(
            "net_cents = (2 * quantity * unit_micros + per * 10000) / (2 * per * 10000)",
            name=op.f("ck_invoice_line_net_cents"),
        ),
        sa.CheckConstraint(
            "quantity >= 0 AND unit_micros >= 0 AND per >= 1", name=op.f("ck_invoice_line_positive")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan.id"], name=op.f("fk_invoice_line_plan_id_plan")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "invoice_id"],
            ["invoice.restaurant_id", "invoice.id"],
            name=op.f("fk_invoice_line_restaurant_id_invoice_id_invoice"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_invoice_line_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id",
            "invoice_id",
            "position",
            name=op.f("uq_invoice_line_restaurant_id_invoice_id_position"),
        ),
    )
    op.create_table(
        "invoice_usage",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("usage_id", sa.Uuid(), nullable=False),
        sa.Column("billing", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("billing >= 1", name=op.f("ck_invoice_usage_billing")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "invoice_id"],
            ["invoice.restaurant_id", "invoice.id"],
            name=op.f("fk_invoice_usage_restaurant_id_invoice_id_invoice"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "usage_id"],
            ["usage_record.restaurant_id", "usage_record.id"],
            name=op.f("fk_invoice_usage_restaurant_id_usage_id_usage_record"),
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "usage_id", "billing", name=op.f("pk_invoice_usage")
        ),
    )
    op.create_index(
        op.f("ix_invoice_usage_restaurant_id_invoice_usage_invoice_id"),
        "invoice_usage",
        ["restaurant_id", "invoice_id"],
        unique=False,
    )
    for name, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
        run_as_owner(name)
    for trigger in TRIGGERS:
        op.execute(f"CREATE {trigger}")
    for table, privileges in TENANTS.items():
        isolate(table, platform=[*privileges])
        grant(table, privileges)
    for table, privileges in PLATFORM.items():
        grant(table, privileges)


def downgrade() -> None:
    op.drop_index(
        op.f("ix_invoice_usage_restaurant_id_invoice_usage_invoice_id"), table_name="invoice_usage"
    )
    op.drop_table("invoice_usage")
    op.drop_table("invoice_line")
    op.drop_index(
        op.f("ix_usage_record_restaurant_id_usage_record_month"), table_name="usage_record"
    )
    op.drop_table("usage_record")
    op.drop_table("subscription")
    op.drop_table("invoice_recipient")
    op.drop_table("invoice")
    op.drop_table("plan")
    op.drop_table("invoice_counter")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
