"""The Postgres roles that our processes act under.

None owns a table or passes over row-level security, and each may do no more than its process does.
They cannot log in: a login user is made a member of one (`docs/database-roles.md`).
"""

from enum import StrEnum


class DatabaseRole(StrEnum):
    """Each value is the role's name in Postgres."""

    WEB = "alloresto_web"
    """The site. It sees one restaurant at a time."""
    WORKER = "alloresto_worker"
    """The AI worker. It sees one restaurant at a time."""
    OUTBOX = "alloresto_outbox"
    """The site's feed for open pages. It reads the outbox of all restaurants, which holds ids."""
    BRIDGE = "alloresto_bridge"
    """The bridge agent. It holds the lines of up to 200 restaurants."""
    CONTROLLER = "alloresto_controller"
    """The controller. It places lines, records calls and deletes what is kept no longer."""
    NOTIFIER = "alloresto_notifier"
    """The notifier. It sends what restaurants' customers and people are to be told."""
    PLATFORM = "alloresto_platform"
    """The site's back office. It reads what the platform runs, and changes next to nothing."""
    ADMIN = "alloresto_admin"
    """The platform's admins, who type `alloresto` commands."""
