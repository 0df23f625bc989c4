"""Prometheus metrics of a bridge agent. Restaurants appear on no label but the registration's."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("alloresto_bridge_calls_total", "Calls ended, by outcome.", ["outcome"])
CALLS_ACTIVE = Gauge("alloresto_bridge_calls_active", "Calls on this bridge now.")
CALLS_LIMIT = Gauge(
    "alloresto_bridge_calls_limit", "Calls this bridge takes at once now; fewer while it strains."
)
CALLS_TAKEN = Gauge(
    "alloresto_bridge_calls_taken", "0 while the bridge is full and new calls get busy, else 1."
)
LOOP_LAG = Histogram(
    "alloresto_bridge_loop_lag_seconds",
    "How late a turn of the agent began: it waited for a CPU.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
IDLE_CPU = Gauge(
    "alloresto_bridge_idle_cpu_percent", "The machine's, as FreeSWITCH says every 5 s."
)
CALLS_KEPT_WAITING = Counter(
    "alloresto_bridge_calls_kept_waiting_total", "Calls that heard the busy message."
)
TIME_TO_AGENT = Histogram(
    "alloresto_bridge_time_to_agent_seconds",
    "CHANNEL_ANSWER to mod_audio_stream::connect.",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
WAY_OUT_MARGIN = Gauge(
    "alloresto_bridge_way_out_margin_seconds",
    "Least time left when a way out was put off in the last minute; at 0 the dialplan takes calls.",
)
WAY_OUTS_TAKEN = Counter(
    "alloresto_bridge_way_outs_taken_total",
    "Calls that the dialplan took although their agent lived: it was late.",
)
CLAIMS_FORGED = Counter(
    "alloresto_bridge_claims_forged_total",
    "Claims without a worker's signature: somebody else writes to Redis, or keys differ.",
)
WORKERS_LOST = Counter(
    "alloresto_bridge_workers_lost_total", "Streams that ended while the caller was there."
)
CHUNKS_DROPPED = Counter(
    "alloresto_bridge_chunks_dropped_total", "Audio chunks of a cleared generation, or unreadable."
)
MESSAGES_REFUSED = Counter(
    "alloresto_bridge_messages_refused_total",
    "Worker messages against the contract.",
)
STATE_CHANGES_REFUSED = Counter(
    "alloresto_bridge_call_state_changes_refused_total",
    "Changes of a call's state that are not in the table: a fault of the agent.",
)
CALLS_REFUSED = Counter(
    "alloresto_bridge_calls_refused_total", "Blocked callers, and floods of calls.", ["reason"]
)
CALLS_OVER_LIMIT = Counter(
    "alloresto_bridge_calls_over_limit_total",
    "Callers asked for a message because their restaurant had as many calls as it may.",
    ["limit"],
)
TRANSFERS_FAILED = Counter(
    "alloresto_bridge_transfers_failed_total", "Transfers nobody took, or not allowed.", ["cause"]
)
VOICE_MESSAGES = Counter(
    "alloresto_bridge_voice_messages_total", "Messages of callers delivered to their restaurant."
)
VOICE_MESSAGES_DROPPED = Counter(
    "alloresto_bridge_voice_messages_dropped_total",
    "Recordings nobody could listen to, or nobody could be given.",
    ["reason"],
)
DISK_FREE = Gauge(
    "alloresto_bridge_disk_free_bytes",
    "Room for voice messages, and for the assistant's voice (FreeSWITCH's temp folder).",
    ["folder"],
)
MESSAGES_TAKEN = Gauge(
    "alloresto_bridge_messages_taken", "0 while the disk has no room for voice messages, else 1."
)
STREAM_FILES_REMOVED = Counter(
    "alloresto_bridge_stream_files_removed_total",
    "Files of the assistant's voice that FreeSWITCH left behind.",
)
VOICE_HELD = Gauge(
    "alloresto_bridge_voice_held_bytes",
    "The assistant's voice in FreeSWITCH's temp folder, not heard yet or of an agent before.",
)
VOICES_LOST = Counter(
    "alloresto_bridge_voices_lost_total",
    "Calls left to the way out because the assistant's voice could not be written.",
)
CALL_EVENTS_DROPPED = Counter(
    "alloresto_bridge_call_events_dropped_total", "Call events lost because too many waited."
)
REGISTRATIONS = Gauge(
    "sip_registrations_count", "Gateways REGED at their carrier, on this bridge.", ["bridge"]
)
REGISTRATIONS_ASSIGNED = Gauge(
    "sip_registrations_assigned", "Gateways placed on this bridge.", ["bridge"]
)
CARRIER_NETWORKS_REFUSED = Gauge(
    "alloresto_bridge_carrier_networks_refused", "Source networks of carriers that cannot be used."
)
FIREWALL_IN_FORCE = Gauge(
    "alloresto_bridge_firewall_in_force",
    "1 while the agent's own nftables table is what it should be; 0 too where the host keeps it.",
)
FIREWALL_DROPPED = Counter(
    "alloresto_bridge_firewall_dropped_packets_total",
    "SIP packets of no carrier's network (strangers), or over a source's rate (too_many).",
    ["reason"],
)
GATEWAY_FOLDER_EXPOSED = Gauge(
    "alloresto_bridge_gateway_folder_exposed",
    "1 when the folder of the SIP passwords is on a disk or open to others.",
)
REGISTRATIONS_BY_STATE = Gauge(
    "sip_registrations_by_state", "Gateways on this bridge, by FreeSWITCH's state.", ["state"]
)
REGISTER_FAILURES = Counter(
    "sip_register_failures_total",
    "REGISTERs that failed, by SIP code; 908: no answer.",
    ["code"],
)
TIME_TO_REGISTERED = Histogram(
    "sip_registration_seconds",
    "Placement on this bridge to the registrar's 200.",
    buckets=(0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120),
)
GATEWAY_OPERATIONS = Histogram(
    "sip_gateway_operation_seconds",
    "A command on a gateway, until FreeSWITCH's event proves it.",
    ["operation"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20),
)
PACE_WAIT = Histogram(
    "sip_register_pace_wait_seconds",
    "Waited for a carrier's pace before a REGISTER.",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 60),
)
ASSIGNMENTS_UNREADABLE = Counter(
    "alloresto_bridge_assignments_unreadable_total",
    "Messages on the bridge's channel against the contract; it looked all the same.",
)
LOOP_FAILURES = Counter(
    "alloresto_bridge_loop_failures_total", "Turns of a loop that failed.", ["loop"]
)
SIP_PROBE_FAILURES = Counter(
    "sip_probe_failures_total", "OPTIONS to the own profile without an answer in time."
)
SIP_PROBE_SECONDS = Histogram(
    "sip_probe_seconds",
    "OPTIONS to the own profile, until its answer.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1),
)
