"""What the controller does, each duty in a loop of its own.

Two controllers may run at once: placement and recording are safe side by side. The lease that
elects one comes with failover.
"""

import signal
from collections.abc import Callable
from typing import Final

import gevent
import structlog
from gevent.event import Event
from prometheus_client import start_http_server
from redis import Redis

from controlplane.controller.changes import Changes
from controlplane.controller.housekeeping import prune_demand, prune_tables
from controlplane.controller.loop import run_loop
from controlplane.controller.nodes import Nodes
from controlplane.controller.placement import place_registrations
from controlplane.controller.recorder import Recorder
from controlplane.database import sync_engine
from controlplane.log import configure_logging
from controlplane.settings import ControllerSettings

PLACE_EVERY_S: Final = 1.0
"""A new restaurant is registered within a second or two."""
AT_ONCE_S: Final = 0.0
"""Reading the stream, and listening for changes, wait by themselves."""
CLAIM_EVERY_S: Final = 15.0
TRIM_EVERY_S: Final = 60.0
PRUNE_DEMAND_EVERY_S: Final = 1.0
"""As the worker pool is scaled on it every 2 s."""
PRUNE_TABLES_EVERY_S: Final = 3_600.0
STOP_S: Final = 8.0
"""For the turns under way: longer than a Postgres statement may take."""
REDIS_TIMEOUT_S: Final = 5.0
"""Above the recorder's blocking read."""


def serve(settings: ControllerSettings) -> None:
    """Until SIGTERM or SIGINT. gevent is patched in."""
    configure_logging(process="controller", level=settings.log_level, human=settings.log_human)
    logger = structlog.get_logger()
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    engine = sync_engine(settings.database_url, application_name="controller")
    redis = Redis.from_url(
        settings.redis_url,
        decode_responses=True,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
    )
    nodes = Nodes(redis, engine)
    recorder = Recorder(redis, engine, consumer=settings.replica_id)
    placement_wake = Event()
    changes = Changes(settings.database_url, settings.redis_url, placement_wake=placement_wake)

    def place() -> None:
        place_registrations(redis, engine, nodes.live())

    loops: tuple[tuple[str, Callable[[], object], float], ...] = (
        ("placement", place, PLACE_EVERY_S),
        ("changes", changes.turn, AT_ONCE_S),
        ("recorder", recorder.turn, AT_ONCE_S),
        ("abandoned_events", recorder.claim_abandoned, CLAIM_EVERY_S),
        ("stream_trim", recorder.trim, TRIM_EVERY_S),
        ("demand", lambda: prune_demand(redis), PRUNE_DEMAND_EVERY_S),
        ("tables", lambda: prune_tables(engine), PRUNE_TABLES_EVERY_S),
    )
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    greenlets = [
        gevent.spawn(run_loop, name, turn, every_s=every_s, stop=stop)
        for name, turn, every_s in loops
    ]
    logger.info("controller_started", replica_id=settings.replica_id)
    stop.wait()
    gevent.joinall(greenlets, timeout=STOP_S)
    engine.dispose()
    redis.close()
    logger.info("controller_stopped")
