-- What a change of a comment does to the lists around it: those whom it is shown to, and the counts of everything above it.

local function set(is_there, list, score, member)
  if is_there then redis.call('ZADD', list, score, member) else redis.call('ZREM', list, member) end
end

-- What the lists need of a comment.
local function known(id)
  local kept = redis.call('HMGET', at .. 'c:' .. id, 'channel', 'created', 'parent', 'pinned', 'score', 'author', 'seen', 'state',
    'replies', 'changed', 'made', 'told_ms', 'untold', 'reactions', 'arrived')
  return {id = id, channel = kept[1], created = kept[2], parent = kept[3] or '', pinned = kept[4] == '1', score = kept[5] or '0',
    author = kept[6] or '', seen = kept[7] or '', state = kept[8], replies = tonumber(kept[9] or 0), changed = kept[10], made = kept[11],
    told_ms = tonumber(kept[12] or 0), untold = kept[13] == '1', reactions = kept[14] or '', arrived = kept[15]}
end

-- Into the lists of those who see it, or out of them: flat and roots, each by time and by score, and answers by time. What is held
-- has lists of its own, for moderators and for its author.
local function enlist(c, seen, is_there)
  local best = string.format('%014d', c.created) .. c.id
  local whose = seen == 'everyone' and {''} or {'\n', '\n' .. c.author}
  for _, suffix in ipairs(whose) do
    local list = ':' .. name .. suffix
    set(is_there, at .. 'xt' .. list, c.created, c.id)
    set(is_there, at .. 'xb' .. list, c.score, best)
    if c.parent == '' and c.pinned then
      set(is_there, at .. 'xp' .. list, c.created, c.id)
    elseif c.parent == '' then
      set(is_there, at .. 'xr' .. list, c.created, c.id)
      set(is_there, at .. 'xs' .. list, c.score, best)
    end
  end
  if c.parent ~= '' then set(is_there, at .. (seen == 'everyone' and 'k:' or 'K:') .. c.parent, c.created, c.id) end
end

-- Puts a comment where its state and its answers want it: a tombstone shows only as long as answers hang on it, and what was taken
-- back is one for all while they do. `c` is as it was listed.
local function relist(c, state, replies)
  local seen = ''
  if state == 'approved' or replies > 0 then
    seen = 'everyone'
  elseif state ~= 'deleted' and state ~= 'rejected' then
    seen = 'held'
  end
  if seen ~= c.seen then
    if c.seen ~= '' then enlist(c, c.seen, false) end
    if seen ~= '' then enlist(c, seen, true) end
    redis.call('HSET', at .. 'c:' .. c.id, 'seen', seen)
  end
end

-- What moderators find by its state; and since when it is withdrawn what they took for spam or took back.
local function file(c, state, is_there, since)
  local is_withdrawn = state == 'spam' or state == 'rejected' or ((state == 'pending' or state == 'shadow') and c.made)
  if is_withdrawn then set(is_there, at .. 'withdrawn', since, c.id) end
  local shadows = at .. 'z:' .. name
  if state == 'shadow' and redis.call('HINCRBY', shadows, c.author, is_there and 1 or -1) <= 0 then
    redis.call('HDEL', shadows, c.author)
  end
  if state ~= 'approved' then set(is_there, at .. 'q:' .. string.match(name, '^[^\n]*') .. '\n' .. state, c.arrived, c.id) end
end

-- One visible descendant more or less for everything above. The walk is as long as the thread is deep, which the limit of depth bounds.
local function climb(id, more)
  while id ~= '' do
    local replies = redis.call('HINCRBY', at .. 'c:' .. id, 'replies', more)
    local above = known(id)
    if above.state ~= 'approved' then relist(above, above.state, replies) end
    id = above.parent
  end
end

-- One approved comment more or less of an author, and of the channel.
local function count(c, more)
  redis.call('HINCRBY', log, 'comments', more)
  local known_by = at .. 'u:' .. string.match(name, '^[^\n]*')
  if redis.call('HINCRBY', known_by, c.author, more) <= 0 then redis.call('HDEL', known_by, c.author) end
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
local function announce(what, verb, epoch, previous, told)
  redis.call(verb, at .. 'a:' .. name, epoch .. '\n' .. what .. '\n' .. (previous or '0') .. '\n' .. told)
end
