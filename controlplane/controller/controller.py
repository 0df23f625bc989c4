"""The controller's process places registrations and records calls. It is never in the path of a
call.
"""

from controlplane.controller.duties import serve
from controlplane.settings import ControllerSettings


def run() -> None:
    """Run until SIGTERM or SIGINT. gevent has been patched in (`alloresto run controller`)."""
    serve(ControllerSettings.from_environment())
