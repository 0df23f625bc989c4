"""Tells Prometheus how many registrations there are, where, and in which state."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, text

from controlplane.contracts.gateway_states import GatewayState

_COUNT: Final = text(
    "SELECT coalesce(bridge_id, ''), state, count(*),"
    " count(*) FILTER (WHERE state = :registered AND state_epoch = epoch)"
    " FROM sip_registration GROUP BY 1, 2"
)


class RegistrationCounts(Collector):
    """The counts of the last refresh. They are empty where another replica leads, so that sums are
    right.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: tuple[tuple[str, str, int, int], ...] = ()

    def refresh(self) -> None:
        """Count again. Raises SQLAlchemy's errors."""
        with self._engine.begin() as connection:
            rows = connection.execute(_COUNT, {"registered": GatewayState.REGED}).all()
        self._rows = tuple((bridge, state, count, held) for bridge, state, count, held in rows)

    def forget(self) -> None:
        """Count nothing any more: another replica does."""
        self._rows = ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield registrations by bridge ('' = none) and last reported state, and assigned against
        registered.
        """
        states = GaugeMetricFamily(
            "sip_registrations_count",
            "Registrations by bridge and last reported state.",
            labels=["bridge", "state"],
        )
        assigned: Counter[str] = Counter()
        registered: Counter[str] = Counter()
        for bridge, state, count, held in self._rows:
            states.add_metric([bridge, state], count)
            assigned[bridge] += count
            registered[bridge] += held
        yield states
        for name, counts, documentation in (
            ("assigned", assigned, "Registrations a bridge is to hold."),
            ("registered", registered, "Registrations a bridge holds at the registrar."),
        ):
            family = GaugeMetricFamily(
                f"alloresto_controller_registrations_{name}", documentation, labels=["bridge"]
            )
            for bridge, count in counts.items():
                if bridge:
                    family.add_metric([bridge], count)
            yield family
