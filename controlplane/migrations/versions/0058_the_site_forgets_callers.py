"""The site shows customers, and does what they may ask for: block, export, forget.

Its walls show it one restaurant's rows. To forget is to delete words and numbers, to rate the SMS
that go with them first, and to prove it.
"""

from alembic import op

from controlplane.database_roles import DatabaseRole

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

GRANTED = {
    "blocked_caller": "SELECT, INSERT, DELETE",
    "call": "UPDATE",
    "call_case": "DELETE",
    "call_turn": "DELETE",
    "consent": "SELECT",
    "customer": "DELETE",
    "erasure_certificate": "SELECT, INSERT",
    "faq_gap": "DELETE",
    "hash_key": "SELECT, INSERT",
    "notification": "UPDATE, DELETE",
    "order_allergy": "DELETE",
    "order_delivery": "DELETE",
    "suppression": "SELECT, INSERT",
    "task": "DELETE",
    "usage_record": "INSERT",
    "voice_message": "DELETE",
}


def upgrade() -> None:
    for table, privileges in GRANTED.items():
        op.execute(f'GRANT {privileges} ON "{table}" TO {DatabaseRole.WEB}')


def downgrade() -> None:
    for table, privileges in GRANTED.items():
        op.execute(f'REVOKE {privileges} ON "{table}" FROM {DatabaseRole.WEB}')
