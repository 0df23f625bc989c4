"""Invoices are the owner's, whose password was typed a moment ago (the seeded session's was)."""

from tests.integration.webapp.access.matrix import Row, least_owner

INVOICES = "/place/{restaurant_id}/invoices"
ONE = f"{INVOICES}/{{number}}"


def a_call(_site: object) -> dict[str, str]:
    return {"kind": "call", "number": "2026-000009"}


def a_pdf(_site: object) -> dict[str, str]:
    return {"kind": "pdf", "number": "2026-000009"}


ROWS = [
    Row("GET", INVOICES, least_owner(200)),
    Row("GET", ONE, least_owner(404)),
    Row("GET", f"{INVOICES}/{{number}}.{{kind}}", least_owner(404), ids=a_pdf),
    Row("GET", f"{ONE}/calls.csv", least_owner(404)),
    Row("GET", f"{ONE}/usage/{{kind}}", least_owner(404), ids=a_call),
    Row("POST", f"{ONE}/recount", least_owner(404)),
]
