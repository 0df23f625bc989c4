"""What the calls of one worker share: Redis, Postgres, the Realtime client, the event log."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from aiworker.call_events import CallEventLog
from aiworker.settings import WorkerSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker


@dataclass(frozen=True, slots=True)
class HeavyServices:
    """What takes half a second to import; built in a thread while the worker claims already."""

    engine: "AsyncEngine"
    sessions: "async_sessionmaker[AsyncSession]"
    realtime: "AsyncOpenAI"

    async def close(self) -> None:
        await self.realtime.close()
        await self.engine.dispose()


@dataclass(frozen=True, slots=True)
class CallServices:
    """What one call works with."""

    settings: WorkerSettings
    redis: Redis
    events: CallEventLog
    heavy: HeavyServices


def build_heavy(settings: WorkerSettings) -> HeavyServices:
    """Import and build; connects to nothing. Runs in a thread."""
    from openai import AsyncOpenAI

    import aiworker.call_session  # noqa: F401  # imported here to be warm for the first call
    from controlplane.database import async_engine, async_sessions

    engine = async_engine(settings.database_url, application_name="ai-worker")
    realtime = AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value() or "none",
        websocket_base_url=settings.realtime_url,
    )
    _ = realtime.realtime  # 220 modules more
    return HeavyServices(engine=engine, sessions=async_sessions(engine), realtime=realtime)
