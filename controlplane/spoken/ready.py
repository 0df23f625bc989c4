"""What a caller hears of the time at which an order is ready. Pure."""

from datetime import datetime

from controlplane.spoken.spoken_french import clock


def spoken_ready(ready_at: datetime) -> str:
    """Say it of an instant in the restaurant's zone, without a full stop: a price may follow."""
    return f"Elle sera prête à {clock(ready_at.time())}"
