"""The controller's duties, each in a loop of its own.

Two controllers may run at once. Recording and pruning go on in both; the one that holds the lease
places, fails over and clears.
"""

import signal
from collections.abc import Callable
from functools import partial
from typing import Final

import gevent
import structlog
from gevent.event import Event
from prometheus_client import REGISTRY, start_http_server
from sqlalchemy.exc import SQLAlchemyError

from controlplane.controller import metrics
from controlplane.controller.call_queue import CallQueue
from controlplane.controller.changes import Changes
from controlplane.controller.housekeeping import (
    prune_demand,
    prune_tables,
    rate_and_prune,
)
from controlplane.controller.lease import ASK_EVERY_S, Lease
from controlplane.controller.nodes import Nodes
from controlplane.controller.outages import Outages
from controlplane.controller.placement import Placement
from controlplane.controller.prompts import Prompts
from controlplane.controller.recorder import Recorder
from controlplane.controller.registration_counts import RegistrationCounts
from controlplane.database import sync_engine
from controlplane.database_roles import DatabaseRole
from controlplane.log import configure_logging
from controlplane.loop import log_failed_greenlets, run_loop, spawn
from controlplane.prompts.engines import choose_engine
from controlplane.redis_clients import sync_redis
from controlplane.settings import ControllerSettings

PLACE_EVERY_S: Final = 0.25
"""A lost bridge is noticed no later than this; an idle turn is one round trip to Redis."""
COUNT_EVERY_S: Final = 5.0
"""Prometheus asks every 15 s, so its numbers are at most this old."""
OUTAGES_EVERY_S: Final = 5.0
"""An account that follows its sibling waits no longer than this for being seen."""
AT_ONCE_S: Final = 0.0
"""Reading the stream and listening for changes wait by themselves."""
CLAIM_EVERY_S: Final = 15.0
TRIM_EVERY_S: Final = 60.0
WATCH_QUEUE_EVERY_S: Final = 1.0
"""The worker pool is scaled on the demand every 2 s, so the demand is pruned more often than that.
"""
PRUNE_WORKERS_EVERY_S: Final = 30.0
"""What a dead worker leaves is small, and harms nobody."""
PROMPTS_EVERY_S: Final = 3.0
"""A new restaurant's greeting is there before its line is registered."""
PRUNE_TABLES_EVERY_S: Final = 3_600.0
STOP_S: Final = 8.0
"""The turns under way get this long to end: longer than a Postgres statement may take."""
REDIS_TIMEOUT_S: Final = 5.0
"""It is longer than the recorder's blocking read."""
LIVENESS_TIMEOUT_S: Final = 1.0
"""Redis answers in a millisecond; when it hangs, nobody is declared lost."""
CONNECTIONS: Final = 10
"""Each loop has its own connection to Postgres, so that a slow one never keeps the lease from being
renewed."""


def serve(settings: ControllerSettings) -> None:
    """Run until SIGTERM or SIGINT. gevent must have been patched in."""
    configure_logging(process="controller", level=settings.log_level, human=settings.log_human)
    log_failed_greenlets()
    logger = structlog.get_logger()
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    engine = sync_engine(
        settings.database_url,
        application_name="controller",
        role=DatabaseRole.CONTROLLER,
        pool_size=CONNECTIONS,
    )
    redis = sync_redis(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
    impatient_redis = sync_redis(settings.redis_url, timeout_s=LIVENESS_TIMEOUT_S)
    lease = Lease(engine, holder=settings.replica_id)
    metrics.LEADER.set_function(lambda: float(lease.epoch is not None))
    nodes = Nodes(impatient_redis, bridge_timeout_s=settings.bridge_timeout_s)
    placement = Placement(impatient_redis, engine, lease=lease, nodes=nodes)
    changes = Changes(settings.database_url, settings.redis_url, placement_wake=placement.wake)
    queue = CallQueue(redis)
    outages = Outages(engine, lease=lease)
    recorder = Recorder(redis, engine, consumer=settings.replica_id)
    has_key = bool(settings.openai_api_key.get_secret_value())
    speech = choose_engine(settings.speech, has_key=has_key)
    counts = RegistrationCounts(engine)
    REGISTRY.register(counts)

    def count() -> None:
        if lease.epoch is None:
            counts.forget()
        else:
            counts.refresh()

    loops: list[tuple[str, Callable[[], object], float, Event | None]] = [
        ("lease", lease.renew, ASK_EVERY_S, None),
        ("placement", placement.turn, PLACE_EVERY_S, placement.wake),
        ("changes", changes.turn, AT_ONCE_S, None),
        ("outages", outages.turn, OUTAGES_EVERY_S, None),
        ("counts", count, COUNT_EVERY_S, None),
        ("recorder", recorder.turn, AT_ONCE_S, None),
        ("abandoned_events", recorder.claim_abandoned, CLAIM_EVERY_S, None),
        ("events_lag", recorder.measure, COUNT_EVERY_S, None),
        ("stream_trim", recorder.trim, TRIM_EVERY_S, None),
        ("demand", lambda: prune_demand(redis), WATCH_QUEUE_EVERY_S, None),
        ("queue", queue.watch, WATCH_QUEUE_EVERY_S, None),
        ("workers_offers", queue.prune_workers, PRUNE_WORKERS_EVERY_S, None),
        ("active_calls", queue.count_calls, COUNT_EVERY_S, None),
        ("tables", lambda: prune_tables(engine), PRUNE_TABLES_EVERY_S, None),
        ("retention", lambda: rate_and_prune(engine), PRUNE_TABLES_EVERY_S, None),
    ]
    if speech is not None:
        prompts = Prompts(engine, speech, leads=lambda: lease.epoch is not None)
        loops.append(("prompts", prompts.turn, PROMPTS_EVERY_S, None))
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    greenlets = [
        spawn(
            name,
            partial(
                run_loop,
                name,
                turn,
                every_s=every_s,
                failures=metrics.LOOP_FAILURES,
                stop=stop,
                wake=wake,
            ),
        )
        for name, turn, every_s, wake in loops
    ]
    logger.info("controller_started", replica_id=settings.replica_id, speech=speech)
    stop.wait()
    gevent.joinall(greenlets, timeout=STOP_S)
    try:
        lease.release()
    except SQLAlchemyError as error:  # it runs out by itself
        logger.warning("lease_not_released", error=type(error).__name__)
    lease.close()
    changes.close()
    engine.dispose()
    redis.close()
    impatient_redis.close()
    logger.info("controller_stopped")
