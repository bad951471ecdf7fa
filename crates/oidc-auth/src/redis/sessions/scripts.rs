//! What the server does in one step. Each begins with [`APPEND`](super::super::log::APPEND).
//!
//! A session is a hash: `v` its version, `t` when its browser was last seen (milliseconds of the instances' clocks), `d` the sealed
//! session, `b` when it began (milliseconds of its log-in), `e` when it ends and `i` how long it may be idle (milliseconds, by the server's
//! clock), `u` and `p` the sets it is listed in. It expires by itself. A set of sessions has their ends as scores.

/// Ends one session by its name in the sets; notes it for the log.
pub(super) const FORGET: &str = r"
local function forget(prefix, member, keep, ended)
  local name = prefix .. member
  local there = redis.call('HMGET', name, 'u', 'p')
  if redis.call('DEL', name) == 0 then return false end
  for i = 1, 2 do
    if there[i] and there[i] ~= '' then redis.call('ZREM', there[i], member) end
  end
  ended[#ended + 1] = {keep, member .. ':gone'}
  return true
end
local function list(set, member, ends, left)
  redis.call('ZADD', set, string.format('%.0f', ends), member)
  if redis.call('PTTL', set) < left then redis.call('PEXPIRE', set, string.format('%.0f', left)) end
end
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
";

/// Keys: the session, the set of its subject, the log, and the set of its provider session if it has one. Arguments: the log's name, how long its
/// entries count, what names of sessions begin with, the session's name in the sets, what is sealed, when it was seen, how long it may
/// be idle, how long it may live, how many a subject may have, and when it began.
pub(super) const CREATE: &str = r"
local session, subject, log, provider = KEYS[1], KEYS[2], KEYS[3], KEYS[4] or ''
local id, keep, prefix, member, sealed, seen = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local idle, left, most = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
if redis.call('EXISTS', session) == 1 then return redis.error_reply('a session of this key is there') end
local now, ended = clock(), {}
if redis.call('ZCARD', subject) >= most then
  for _, other in ipairs(redis.call('ZRANGE', subject, 0, -1)) do
    if redis.call('EXISTS', prefix .. other) == 0 then redis.call('ZREM', subject, other) end
  end
  local beyond = redis.call('ZCARD', subject) - most
  if beyond >= 0 then
    for _, other in ipairs(redis.call('ZRANGE', subject, 0, beyond)) do forget(prefix, other, keep, ended) end
  end
end
redis.call('HSET', session, 'v', 1, 't', seen, 'd', sealed, 'e', string.format('%.0f', now + left),
  'i', ARGV[7], 'u', subject, 'p', provider, 'b', ARGV[10])
redis.call('PEXPIRE', session, math.max(1, math.min(idle, left)))
list(subject, member, now + left, left)
if provider ~= '' then list(provider, member, now + left, left) end
if #ended > 0 then append(log, id, ended) end
return 1
";

/// Keys: the session, the log, and the set of its provider session if it has one. Arguments: the log's name, how long its entries count, the
/// session's name in the sets, the version that is replaced, what is sealed, and whether the principal is another.
pub(super) const REPLACE: &str = r"
local session, log, provider = KEYS[1], KEYS[2], KEYS[3] or ''
local there = redis.call('HMGET', session, 'v', 'p', 'e')
if there[1] ~= ARGV[4] then return false end
local version = redis.call('HINCRBY', session, 'v', 1)
redis.call('HSET', session, 'd', ARGV[5], 'p', provider)
if there[2] ~= provider then
  if there[2] and there[2] ~= '' then redis.call('ZREM', there[2], ARGV[3]) end
  local ends = tonumber(there[3])
  if provider ~= '' then list(provider, ARGV[3], ends, math.max(1, ends - clock())) end
end
if ARGV[6] == '1' then append(log, ARGV[1], {{tonumber(ARGV[2]), ARGV[3] .. ':' .. version}}) end
return version
";

/// Key: the session. Argument: when it was seen.
pub(super) const TOUCH: &str = r"
local there = redis.call('HMGET', KEYS[1], 't', 'e', 'i')
if not there[1] then return 0 end
if tonumber(ARGV[1]) > tonumber(there[1]) then redis.call('HSET', KEYS[1], 't', ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, math.min(tonumber(there[3]), there[2] - clock()))))
return 1
";

/// Keys: the session, the log. Arguments: the log's name, how long its entries count, what names of sessions begin with, the session's
/// name in the sets, and its version or nothing. Answers what was sealed.
pub(super) const REMOVE: &str = r"
local there = redis.call('HMGET', KEYS[1], 'v', 'd')
if not there[1] or (ARGV[5] ~= '' and there[1] ~= ARGV[5]) then return false end
local ended = {}
forget(ARGV[3], ARGV[4], tonumber(ARGV[2]), ended)
append(KEYS[2], ARGV[1], ended)
return there[2]
";

/// Keys: a set of sessions, the log. Arguments: the log's name, how long its entries count, what names of sessions begin with, before when
/// those began that end, or nothing, and whether only those end that are in no provider session's set. One that does not say when it began
/// ends whatever the time. Answers the names of those that were ended.
pub(super) const END_ALL: &str = r"
local ended, names = {}, {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local there = redis.call('HMGET', ARGV[3] .. member, 'b', 'p')
  local began = tonumber(there[1] or '')
  local is_later = ARGV[4] ~= '' and began and began >= tonumber(ARGV[4])
  local is_named = ARGV[5] == '1' and there[2] and there[2] ~= ''
  if not is_later and not is_named then
    if forget(ARGV[3], member, tonumber(ARGV[2]), ended) then names[#names + 1] = member end
    redis.call('ZREM', KEYS[1], member)
  end
end
if #ended > 0 then append(KEYS[2], ARGV[1], ended) end
return names
";
