"""The calls of one worker share these clients: Redis, the event log, Realtime, Postgres."""

from dataclasses import dataclass

from openai import AsyncOpenAI
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from aiworker.call_events import CallEventLog
from aiworker.order_desk import OrderDesk
from aiworker.settings import WorkerSettings
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole


@dataclass(frozen=True, slots=True)
class Clients:
    """A process has one of each; none connects before it is used."""

    redis: Redis
    events: CallEventLog
    realtime: AsyncOpenAI
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    orders: OrderDesk

    async def close(self) -> None:
        """Close what `build_clients` made; Redis is still needed for the process's last events."""
        await self.realtime.close()
        await self.engine.dispose()


def build_clients(settings: WorkerSettings, redis: Redis, events: CallEventLog) -> Clients:
    engine = async_engine(
        settings.database_url, application_name="ai-worker", role=DatabaseRole.WORKER
    )
    realtime = AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value() or "none",
        websocket_base_url=settings.realtime_url,
    )
    sessions = async_sessions(engine)
    return Clients(
        redis=redis,
        events=events,
        realtime=realtime,
        engine=engine,
        sessions=sessions,
        orders=OrderDesk(redis, sessions),
    )
