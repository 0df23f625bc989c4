"""The controller's counters and gauges for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

LOOP_FAILURES = Counter(
    "alloresto_controller_loop_failures_total", "Turns of a loop that failed.", ["loop"]
)
EVENTS_RECORDED = Counter(
    "alloresto_controller_events_recorded_total", "Call events recorded in Postgres."
)
EVENTS_PARKED = Counter(
    "alloresto_controller_events_parked_total", "Call events moved to the dead-letter stream."
)
EVENTS_LOST = Counter(
    "alloresto_controller_events_lost_total",
    "Call events that left the stream before they were recorded.",
    ["when"],
)
DEAD_LETTERS = Gauge(
    "alloresto_controller_dead_letters",
    "Call events in the dead-letter stream, at most a week old.",
)
EVENTS_WAITING = Gauge(
    "alloresto_controller_events_waiting", "Call events of the stream not recorded yet."
)
LEADER = Gauge("alloresto_controller_leader", "1 while this replica leads, else 0.")
LEASE_EPOCH = Gauge("alloresto_controller_lease_epoch", "Term of the lease last held here.")
BRIDGES = Gauge(
    "alloresto_controller_bridges", "Bridges by condition; a draining one is live too.", ["state"]
)
BRIDGES_LOST = Counter("alloresto_controller_bridges_lost_total", "Bridges given up for lost.")
WORKERS = Gauge("alloresto_controller_workers", "AI workers heard of within their heartbeat's TTL.")
REGISTRATIONS_UNPLACED = Gauge(
    "alloresto_controller_registrations_unplaced",
    "Live restaurants without a living bridge: none has room.",
)
REGISTRATIONS_PLACED = Counter(
    "alloresto_controller_registrations_placed_total",
    "Registrations given to a bridge.",
    ["reason"],
)
MOVES_REFUSED = Counter(
    "alloresto_controller_moves_refused_total", "Moves asked for and not made.", ["reason"]
)
MOVES_WAITING = Gauge(
    "alloresto_controller_moves_waiting", "Moves held back by the pace, or for want of room."
)
CARRIER_REFUSES = Gauge(
    "alloresto_controller_carrier_refuses_everybody",
    "1 while a carrier refuses so many of its accounts at once that it is at fault, not they.",
    ["carrier"],
)
ACCOUNTS_TRIED_AGAIN = Counter(
    "alloresto_controller_accounts_tried_again_total",
    "Suspended accounts that were let REGISTER once more.",
    ["reason"],
)
PROMPTS_WAITING = Gauge(
    "alloresto_controller_prompts_waiting",
    "Restaurants' prompts that are not rendered as they should sound; the leader's.",
)
PROMPTS_RENDERED = Counter(
    "alloresto_controller_prompts_rendered_total", "Prompts that were said.", ["engine"]
)
PROMPTS_FAILED = Counter(
    "alloresto_controller_prompts_failed_total", "Prompts that could not be said.", ["engine"]
)
SPEECH_CHARACTERS = Counter(
    "alloresto_controller_speech_characters_total",
    "Characters of the prompts that were said: what a speech API is paid by.",
    ["engine"],
)
PLACEMENT_SECONDS = Histogram(
    "alloresto_controller_placement_seconds",
    "A placement turn that looked at every registration: reading, planning, writing.",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
FAILOVER_SECONDS = Histogram(
    "alloresto_controller_failover_seconds",
    "From a lost bridge's last heartbeat until all it had registered is registered elsewhere.",
    buckets=(5, 6, 7, 8, 10, 12, 15, 20, 30, 60, 120, 300),
)
MOVE_SECONDS = Histogram(
    "alloresto_controller_move_seconds",
    "From a new owner's assignment until the former one has given its binding back.",
    buckets=(0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120),
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
ROWS_PRUNED = Counter(
    "alloresto_controller_rows_pruned_total",
    "Rows deleted, and orders made nobody's: their time is over.",
    ["table"],
)
RATINGS_FAILED = Counter(
    "alloresto_controller_ratings_failed_total",
    "Restaurants whose usage could not be written in a turn.",
)
QUEUE_LENGTH = Gauge("alloresto_controller_queue_length", "Calls on offer to the workers.")
QUEUE_OLDEST_AGE = Gauge(
    "alloresto_controller_queue_oldest_seconds",
    "Since the call longest on offer came in; 0 while none waits.",
)
CALLS_DEMAND = Gauge(
    "alloresto_controller_calls_demand", "Calls the worker pool is scaled on: waiting or served."
)
CALLS_ACTIVE = Gauge(
    "alloresto_controller_calls_active", "Calls in progress over all bridges heard of."
)
OFFERS_PRUNED = Counter(
    "alloresto_controller_offers_pruned_total", "Offers of dead bridges or workers taken away."
)
EVENTS_LAG = Gauge(
    "alloresto_controller_events_lag_seconds", "Age of the oldest call event not recorded yet."
)
