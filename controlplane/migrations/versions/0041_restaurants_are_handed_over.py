"""An admin who hands a restaurant over takes it out of the former owner's organisation."""

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    grant("organisation_restaurant", {DatabaseRole.ADMIN: "DELETE"})


def downgrade() -> None:
    op.execute(f"REVOKE DELETE ON organisation_restaurant FROM {DatabaseRole.ADMIN}")
