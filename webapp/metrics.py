"""The web process's counters and gauges. No label names a tenant."""

from prometheus_client import Counter, Gauge, Histogram

STREAMS = Gauge("alloresto_web_streams", "Event streams open now.")
STREAMS_CUT = Counter("alloresto_web_streams_cut_total", "Streams ended because a page was slow.")
LISTENER_FAILURES = Counter(
    "alloresto_web_listener_failures_total", "Times the outbox listener lost Postgres."
)
TICKETS_SENT = Counter("alloresto_web_tickets_sent_total", "Tickets sent to open kitchen pages.")
PAGE_SECONDS = Histogram(
    "alloresto_web_kitchen_page_seconds",
    "Time to make one kitchen page.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
