"""The controller's process: places registrations and records calls. Never in the path of a call."""

from gevent import monkey


def run() -> None:
    """Until SIGTERM or SIGINT."""
    monkey.patch_all()
    # After the patch, so that TLS, Redis and psycopg wait in gevent's way from the start.
    from controlplane.controller.duties import serve
    from controlplane.settings import ControllerSettings

    serve(ControllerSettings())
