"""The notifier's counters and gauges. No label names a tenant or a recipient."""

from prometheus_client import Counter, Gauge

SENT = Counter("alloresto_notifier_sent_total", "Messages a provider took.", ["channel"])
FAILED = Counter(
    "alloresto_notifier_failed_total", "Messages given up for good.", ["channel", "reason"]
)
SUPPRESSED = Counter(
    "alloresto_notifier_suppressed_total", "Messages not to be sent after all.", ["reason"]
)
RETRIED = Counter(
    "alloresto_notifier_retried_total", "Attempts that failed and are made again.", ["reason"]
)
OLDEST_DUE = Gauge(
    "alloresto_notifier_oldest_due_seconds",
    "Since the longest waiting message was due; 0 while none waits.",
)
LOOP_FAILURES = Counter("alloresto_notifier_loop_failures_total", "Turns of the loop that failed.")
ORDERS_EXPIRED = Counter(
    "alloresto_notifier_orders_expired_total", "Orders that nobody at their restaurant took."
)
WEBHOOKS = Counter(
    "alloresto_notifier_webhooks_total",
    "Attempts to tell restaurants' own programs, by what became of them.",
    ["outcome"],
)
