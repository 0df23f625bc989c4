"""Does Postgres answer this bridge? What it holds goes on without; what is given to it would not
arrive.
"""

import time
from typing import Final

from sqlalchemy import Engine, text

from controlplane.bridge import metrics
from controlplane.loop import run_loop

ASK_EVERY_S: Final = 5.0
"""Five hundred bridges ask a hundred times a second together."""
AWAY_S: Final = 12.0
"""Two questions in a row went unanswered: a restart of Postgres takes less."""

_ASK: Final = text("SELECT 1")


class PostgresProbe:
    """Asks every 5 s. A question that hangs is no answer either."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.answered_at = time.monotonic()

    @property
    def answers(self) -> bool:
        """Tell whether Postgres has answered lately."""
        return time.monotonic() - self.answered_at < AWAY_S

    def run(self) -> None:
        """Ask as long as the process lives."""
        run_loop("postgres_probe", self.ask, every_s=ASK_EVERY_S, failures=metrics.LOOP_FAILURES)

    def ask(self) -> None:
        """Ask once. Raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            connection.execute(_ASK)
        self.answered_at = time.monotonic()
