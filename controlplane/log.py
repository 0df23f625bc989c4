"""Structured logs of every process: one JSON line an event on standard error.

Never in a log: caller numbers, transcripts, DTMF, tool arguments, secrets. Events have static
names; what varies is bound (`call_id`, `channel_uuid`, `restaurant_id`). Tracebacks, other
libraries' records and what ends a process or thread go through `log_exceptions`, for their texts
may quote data.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import TextIO

import structlog
from prometheus_client import Counter

from controlplane.log_exceptions import PrivateFormatter, format_exception

LINES_LOST = Counter("alloresto_log_lines_lost_total", "Log lines that could not be written.")


class _SurvivingStream:
    """Writes to a stream; what cannot be written is counted, because no call ends for its log.

    The disk behind standard error may be full, or who reads it may be gone.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # ValueError: closed
            LINES_LOST.inc()

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            LINES_LOST.inc()


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
    stream = _SurvivingStream(sys.stderr)
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if human
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _name_process,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(lambda info: format_exception(info[1])),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(file=stream),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrivateFormatter())
    logging.basicConfig(level=max(numeric, logging.WARNING), handlers=[handler])
    sys.excepthook = _process_failed
    threading.excepthook = _thread_failed


def _process_failed(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        structlog.get_logger().critical("process_failed", exc_info=error)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    structlog.get_logger().error("thread_failed", exc_info=failure.exc_value)
