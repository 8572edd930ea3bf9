"""What Redis does in one step.

Each script touches one key, which is also the name of the sharded channel: so it runs on any cluster, and on a slot that is being
moved too (a script with two keys would be refused there until the move is over).

An entry of the stream is `p` the position before it, `t` the token of its publisher, `m` the message. The stream's last id is the topic's
position, and outlives the entries: a topic without events is an empty stream.

Ids begin anew at a random number in each millisecond. A server that lost events (a replica that was behind took over) and whose clock is
behind too comes past the same milliseconds again; it must not give to another event an id that listeners have seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1


@dataclass(frozen=True)
class Script:
    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        # Redis names scripts by it; nothing is protected with it.
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


_NEWEST = """
local function newest(key, keep)
  local entry = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if entry then return entry[1] end
  if redis.call('EXISTS', key) == 1 then
    local info = redis.call('XINFO', 'STREAM', key)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then return info[i + 1] end
    end
  end
  local id = redis.call('XADD', key, 'MAXLEN', 0, '*', 'm', '')
  redis.call('EXPIRE', key, keep)
  return id
end
local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
"""

PUBLISH = Script(
    _NEWEST
    + """
local key, message, count, milliseconds_kept, keep, token, start, age = KEYS[1], unpack(ARGV)
local now = milliseconds()
if age then
  local from = string.format('%.0f', now - age)
  for _, entry in ipairs(redis.call('XRANGE', key, from, '+')) do
    if entry[2][4] == token then return entry[1] end
  end
end
local previous = newest(key, keep)
local before, sequence = string.match(previous, '(%d+)-(%d+)')
if now > tonumber(before) then sequence = start else now, sequence = before, sequence + 1 end
local id = string.format('%.0f-%.0f', now, sequence)
redis.call('XADD', key, 'MAXLEN', '~', count, id, 'p', previous, 't', token, 'm', message)
if milliseconds_kept ~= '0' then
  redis.call('XTRIM', key, 'MINID', '~', string.format('%.0f', math.max(0, now - milliseconds_kept)))
end
redis.call('EXPIRE', key, keep)
redis.call('SPUBLISH', key, previous .. ' ' .. id .. ' ' .. message)
return id
"""
)
"""Message, count, milliseconds (0: whatever its age), seconds that the key is kept, token, random number; and the milliseconds since
an earlier attempt.

Returns the new position.
"""

TOUCH = Script(
    _NEWEST
    + """
local key, milliseconds_kept, keep = KEYS[1], ARGV[1], ARGV[2]
local id = newest(key, keep)
redis.call('EXPIRE', key, keep)
if milliseconds_kept ~= '0' then
  redis.call('XTRIM', key, 'MINID', string.format('%.0f', milliseconds() - milliseconds_kept))
end
return id
"""
)
"""Milliseconds (0: whatever its age), seconds that the key is kept: the topic's position, which is remembered for that long; entries
that ran out are dropped.
"""

READ = Script(
    _NEWEST
    + """
local key, position, count, keep = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local id = newest(key, keep)
return { id, redis.call('XRANGE', key, '(' .. position, '+', 'COUNT', count) }
"""
)
"""A position, how many entries at most, seconds: the topic's position, and the entries after the one given."""

REPLACE = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")
"""What is expected, the new value, milliseconds: whether it was replaced."""

DISCARD = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
""")
"""What is expected: it is deleted if it is that."""

SET_FIELDS = Script("""
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
""")
"""Milliseconds, then fields and values in turn."""

CHANGE_FIELDS = Script("""
local key, milliseconds, alone, sizes = KEYS[1], ARGV[1], ARGV[2], { unpack(ARGV, 3, 6) }
local at = 7
local function take(size)
  local part = {}
  for i = 1, tonumber(size) do part[i] = ARGV[at + i - 1] end
  at = at + #part
  return part
end
local expected, fields, without = take(sizes[1]), take(sizes[2]), take(sizes[3])
local absent = tonumber(sizes[4]) >= 0 and take(sizes[4])
local before = redis.call('HGETALL', key)
if #before > 0 then
  for i = 1, #expected, 2 do
    if redis.call('HGET', key, expected[i]) ~= expected[i + 1] then return false end
  end
  if alone == '1' then redis.call('DEL', key) end
elseif absent then
  if #absent > 0 then redis.call('HSET', key, unpack(absent)) end
else
  return false
end
if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
if #without > 0 then redis.call('HDEL', key, unpack(without)) end
redis.call('PEXPIRE', key, milliseconds)
return before
""")
"""Milliseconds; 1 to drop all others; how many arguments of each kind follow (the last one is -1 for none): what is expected, the
fields, those to drop, and those of a new hash. What was there before; nil when nothing was changed."""

REPLACE_FIELDS = Script("""
local changed = {}
for i = 2, #ARGV, 3 do
  local field, expected, new = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local present = redis.call('HGET', KEYS[1], field)
  if (present and '=' .. present or '') == expected then
    if new == '' then redis.call('HDEL', KEYS[1], field)
    else redis.call('HSET', KEYS[1], field, string.sub(new, 2)) end
    changed[#changed + 1] = field
  end
end
if #changed > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return changed
""")
"""Milliseconds, then of each field its name, what is expected, and the new value; with `=` before a value, and empty for none.

Returns the names of those that were changed.
"""
