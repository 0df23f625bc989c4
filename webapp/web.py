"""The web process serves restaurateurs' pages over HTTP. Any number may run: it has no state."""

from types import FrameType

import uvicorn
from prometheus_client import start_http_server

from controlplane.log import configure_logging
from webapp.app import create_app
from webapp.settings import WebSettings
from webapp.site import Site

GRACEFUL_STOP_S = 10
"""Answers under way get this long; streams are ended at once and reconnect to another process."""
KEEP_ALIVE_S = 65
"""It is above the 60 s of common load balancers, so that they close first."""
BACKLOG = 2_048


class _Server(uvicorn.Server):
    """Ends the streams when asked to stop: they would hold the server until its deadline."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._site.feed.close()
        super().handle_exit(sig, frame)


def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = WebSettings.from_environment()
    configure_logging(process="web", level=settings.log_level, human=settings.log_human)
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    server_for(settings).run()


def server_for(settings: WebSettings) -> uvicorn.Server:
    """Make a server that is not started. It has no access log, whose lines would hold keys."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.web_host,
        port=settings.web_port,
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
    )
    return _Server(config, app.state.site)
