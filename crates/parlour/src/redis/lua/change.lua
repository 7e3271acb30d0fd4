-- What a change of a comment does to the lists around it: those whom it is shown to, and the counts of everything above it.
local seen, held = at .. 'v:' .. name, at .. 'h:' .. name
local queue = at .. 'q:' .. string.match(name, '^[^\n]*')

-- Held: its author sees it, and moderators; a pending one waits in the site's queue.
local function hold(id, created, author, state)
  redis.call('ZADD', held, created, id)
  redis.call('ZADD', held .. '\n' .. author, created, id)
  if state == 'pending' then redis.call('ZADD', queue, created, id) end
end

local function release(id, author)
  redis.call('ZREM', held, id)
  redis.call('ZREM', held .. '\n' .. author, id)
  redis.call('ZREM', queue, id)
end

-- One visible descendant more or less for everything above; a tombstone shows only as long as it has one. The walk is as long as
-- the thread is deep, which the limit of depth bounds.
local function climb(id, more)
  while id and id ~= '' do
    local replies = redis.call('HINCRBY', at .. 'c:' .. id, 'replies', more)
    local above = redis.call('HMGET', at .. 'c:' .. id, 'parent', 'state', 'created')
    if above[2] == 'deleted' and replies > 0 then
      redis.call('ZADD', seen, above[3], id)
    elseif above[2] == 'deleted' then
      redis.call('ZREM', seen, id)
    end
    id = above[1]
  end
end

-- Gives the change of a comment its offset: the log's one entry of it moves there.
local function enter(id, top)
  local offset = string.format('%.0f', top + 1)
  redis.call('HSET', log, 'top', offset)
  redis.call('ZADD', at .. 'g:' .. name, offset, id)
  redis.call('HSET', at .. 'c:' .. id, 'changed', offset)
  return offset
end

-- Tells what became of a comment; `previous` is the offset of the change before.
local function announce(verb, epoch, previous, told)
  redis.call(verb, at .. 'a:' .. name, epoch .. '\nC\n' .. previous .. '\n' .. told)
end
