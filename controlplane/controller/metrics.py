"""What the controller counts."""

from prometheus_client import Counter, Gauge

LOOP_FAILURES = Counter(
    "alloresto_controller_loop_failures_total", "Turns of a loop that failed.", ["loop"]
)
EVENTS_RECORDED = Counter(
    "alloresto_controller_events_recorded_total", "Call events recorded in Postgres."
)
EVENTS_PARKED = Counter(
    "alloresto_controller_events_parked_total", "Call events moved to the dead-letter stream."
)
EVENTS_WAITING = Gauge(
    "alloresto_controller_events_waiting", "Call events of the stream not read yet."
)
BRIDGES = Gauge("alloresto_controller_bridges", "Bridges heard of within their heartbeat's TTL.")
WORKERS = Gauge("alloresto_controller_workers", "AI workers heard of within their heartbeat's TTL.")
REGISTRATIONS_UNPLACED = Gauge(
    "alloresto_controller_registrations_unplaced", "Live restaurants no bridge has room for."
)
REGISTRATIONS_PLACED = Counter(
    "alloresto_controller_registrations_placed_total", "Registrations given to a bridge."
)
DEMAND_PRUNED = Counter(
    "alloresto_controller_demand_pruned_total", "Calls whose demand lease ran out."
)
CONFIGS_INVALIDATED = Counter(
    "alloresto_controller_configs_invalidated_total", "Restaurants whose cached menu was dropped."
)
CHANGES_HEALED = Counter(
    "alloresto_controller_changes_healed_total",
    "Times every cached menu was dropped, for changes may have been missed.",
    ["because"],
)
CHANGES_UNPROVEN = Gauge(
    "alloresto_controller_changes_unproven_seconds",
    "Since the LISTEN connection last gave a sign of life.",
)
