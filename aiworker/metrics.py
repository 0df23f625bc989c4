"""What a worker counts, for Prometheus. No label names a restaurant or a caller."""

from prometheus_client import Counter, Gauge, Histogram

CALLS_ACTIVE = Gauge("alloresto_worker_calls_active", "Calls in progress in this worker")
SLOTS = Gauge("alloresto_worker_slots", "Calls this worker can serve at once")
DRAINING = Gauge("alloresto_worker_draining", "1 while the worker finishes its calls to exit")
CLAIMS = Counter(
    "alloresto_worker_claims_total", "Offers taken from the queue, by what came of them", ["result"]
)
TIME_TO_STREAM = Histogram(
    "alloresto_worker_claim_to_stream_seconds",
    "From the claim to the call's WebSocket",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
REALTIME_CONNECT = Histogram(
    "alloresto_worker_realtime_connect_seconds",
    "From opening the Realtime connection to a session ready to speak",
    buckets=(0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3),
)
FIRST_AUDIO = Histogram(
    "alloresto_worker_response_first_audio_seconds",
    "From response.create to its first audio",
    buckets=(0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5),
)
INTERRUPTIONS = Counter(
    "alloresto_worker_interruptions_total",
    "Times the caller was heard over the assistant, by decision",
    ["decision"],
)
OVERDUE = Counter(
    "alloresto_worker_overdue_total",
    "Times a response or the caller's turn stayed in a state too long, by what was missing",
    ["state"],
)
WORDLESS_TURNS = Counter(
    "alloresto_worker_wordless_turns_total", "Turns of callers in which nobody said a word"
)
TOOL_CALLS = Counter("alloresto_worker_tool_calls_total", "Tool calls", ["tool", "outcome"])
ERRORS = Counter("alloresto_worker_errors_total", "Failures the worker dealt with", ["kind"])
CALLS_ENDED = Counter(
    "alloresto_worker_calls_ended_total", "Calls served, by how they ended", ["end"]
)
