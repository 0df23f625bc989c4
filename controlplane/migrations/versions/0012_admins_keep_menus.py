"""Admins import menus: they may read and write what is on one."""

from typing import Final

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, reopen, revoke

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MENU: Final = ("menu_category", "menu_item", "option_group", "option", "item_option_group")


def upgrade() -> None:
    for table in MENU:
        reopen(table)
        isolate(table, platform=[DatabaseRole.ADMIN])
        grant(table, {DatabaseRole.ADMIN: "SELECT, INSERT, UPDATE, DELETE"})


def downgrade() -> None:
    for table in MENU:
        revoke(table, [DatabaseRole.ADMIN])
        reopen(table)
        isolate(table)
