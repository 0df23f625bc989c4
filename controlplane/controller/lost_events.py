"""Counts the call events that no recorder will read: the stream is bounded, and what is oldest goes
when too much waits (`redis_keys.MAX_CALL_EVENTS`).

Redis knows how many entries were ever added and how many of them the group has read: if more have
left the stream than were read, the difference left it unread.
"""

from typing import Final

import structlog
from redis import Redis

from controlplane.contracts import redis_keys
from controlplane.controller import metrics

_COUNT: Final = """
local function pairs_of(list)
  local about = {}
  for i = 1, #list, 2 do about[list[i]] = list[i + 1] end
  return about
end
local stream = pairs_of(redis.call('XINFO', 'STREAM', KEYS[1]))
for _, list in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = pairs_of(list)
  local read = group['entries-read'] or (group['last-delivered-id'] == '0-0' and 0)
  if group['name'] == ARGV[1] and stream['entries-added'] and read then
    local left = stream['entries-added'] - stream['length']
    local lost = left - read
    if lost <= 0 then return 0 end
    local before = stream['last-generated-id']
    if stream['first-entry'] then
      local millis, sequence = string.match(stream['first-entry'][1], '(%d+)-(%d+)')
      if sequence == '0' then
        before = string.format('%.0f', millis - 1) .. '-18446744073709551615'
      else
        before = millis .. '-' .. string.format('%.0f', sequence - 1)
      end
    end
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], before, 'ENTRIESREAD', left)
    return lost
  end
end
return 0
"""
"""The group is moved on to what is there, so that two recorders count each loss once."""

_logger = structlog.get_logger()


class LostEvents:
    """Looks for them at the group's place in the stream. `redis` answers in text."""

    def __init__(self, redis: Redis, group: str) -> None:
        self._count = redis.register_script(_COUNT)
        self._group = group

    def look(self) -> None:
        """Count what was trimmed unread since the last look. Raises `RedisError`.

        Redis before 7 keeps no such numbers: nothing is counted there.
        """
        _tell("unread", int(self._count(keys=[redis_keys.CALL_EVENTS], args=[self._group])))

    @staticmethod
    def were_in_hand(count: int) -> None:
        """Count entries that were trimmed after a recorder had read them, and before another could
        record them in its place.
        """
        _tell("in_hand", count)


def _tell(when: str, count: int) -> None:
    if count:
        metrics.EVENTS_LOST.labels(when).inc(count)
        _logger.error("call_events_lost", when=when, count=count)
