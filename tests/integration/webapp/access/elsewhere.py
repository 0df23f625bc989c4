"""Routes that open by a key of their own: a kitchen's, printers', receipts', payments' links.

Their own tests say who gets in; a visitor's cookies open nothing there.
"""

from tests.integration.webapp.access.matrix import Row, everybody

ROWS: list[Row] = [
    Row("GET", "/healthz", everybody(200)),
]
