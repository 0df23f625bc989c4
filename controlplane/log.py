"""Structured logs of every process: one JSON line an event on standard error.

Never in a log: caller numbers, transcripts, DTMF, tool arguments, secrets. Events have static
names; what varies is bound (`call_id`, `channel_uuid`, `restaurant_id`).
"""

import logging
import sys

import structlog


def configure_logging(*, process: str, level: str = "INFO", human: bool = False) -> None:
    """Set structlog and the standard library up, once, in a process's `run()`.

    `human` prints aligned text instead of JSON, for a terminal.
    """

    def _name_process(
        logger: object, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event["process"] = process  # not a context variable: greenlets start with none
        return event

    numeric = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if human
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _name_process,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(numeric, logging.WARNING), stream=sys.stderr)
