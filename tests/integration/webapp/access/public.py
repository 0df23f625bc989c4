"""Anybody may read what a restaurant makes public; a link unsubscribes by its key."""

from tests.integration.webapp.access.matrix import Row, everybody

ROWS = [
    Row("GET", "/carte/{slug}/allergenes", everybody(404)),
    Row("GET", "/carte/{slug}/donnees", everybody(404)),
    Row("GET", "/stop/{key}", everybody(404)),
    Row("POST", "/stop/{key}", everybody(404)),
]
