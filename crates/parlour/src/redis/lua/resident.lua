-- How a comment comes into a channel with all that hangs on it, and leaves one. `name` and `log` are that channel's.

local function lists_of_arrivals(c)
  local site = at .. 's:' .. string.match(name, '^[^\n]*')
  return site, site .. '\n' .. c.author
end

-- Out of every list. What it is itself stays.
local function leave(id)
  local c = known(id)
  redis.call('ZREM', at .. 'g:' .. name, id)
  redis.call('ZREM', at .. 'xt:' .. name, id)
  redis.call('ZREM', at .. 'xt:' .. name .. '\n', id)
  if c.channel ~= name then return end
  if c.seen ~= '' then enlist(c, c.seen, false) end
  file(c, c.state, false)
  if c.state == 'approved' then count(c, -1) end
  local all, own = lists_of_arrivals(c)
  redis.call('ZREM', all, id)
  redis.call('ZREM', own, id)
end

-- Into them, `base` offsets further up; `since` is when it was withdrawn, if it was. A nonce that is known here already is forgotten.
local function arrive(id, base, since)
  redis.call('HSET', at .. 'c:' .. id, 'channel', name)
  local c = known(id)
  local function shifted(offset) return string.format('%.0f', offset + base) end
  if c.made then redis.call('HSET', at .. 'c:' .. id, 'made', shifted(c.made)) end
  if c.changed then
    redis.call('HSET', at .. 'c:' .. id, 'changed', shifted(c.changed))
    redis.call('ZADD', at .. 'g:' .. name, shifted(c.changed), id)
  end
  local nonce = redis.call('HGET', at .. 'c:' .. id, 'nonce')
  if nonce and redis.call('HSETNX', at .. 'm:' .. name, nonce, id) == 0 then redis.call('HDEL', at .. 'c:' .. id, 'nonce') end
  if c.seen ~= '' then enlist(c, c.seen, true) end
  file(c, c.state, true, since ~= '' and since or c.created)
  if c.state == 'approved' then count(c, 1) end
  local all, own = lists_of_arrivals(c)
  redis.call('ZADD', all, c.arrived, id)
  if c.author ~= '' then redis.call('ZADD', own, c.arrived, id) end
end
