-- A new comment: the row, its nonce, the counts of everything above it, its place in the log and the telling are one act.
-- ARGV: 2 verb, 3 id, 4 parent, 5 state, 6 created, 7 the author's id, 8 author and text as `row` has them, 9 the address's hash,
-- 10 the renderer's version, 11 the deepest level, 12 the nonce's hash, 13 the content's, 14 `page` where a page must be named,
-- 15 its address and 16 its title, where it is, 17 why it is held, 18 the sender's address, keyed. What there is none of is empty.
-- Answers epoch, offset (-1 where it is held), 1 where it had come before, the row; or the word of a refusal.
local verb, id, parent, state, created, author = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local nonce, url = ARGV[12], ARGV[15]
local nonces = at .. 'm:' .. name

if nonce ~= '' then
  local before = redis.call('HGET', nonces, nonce)
  if before then
    local kept = redis.call('HMGET', at .. 'c:' .. before, 'content', 'changed')
    -- Once it is deleted nobody knows its content any more.
    if kept[1] and kept[1] ~= ARGV[13] then return 'conflict' end
    local epoch = standing()
    return {epoch, tonumber(kept[2] or -1), 1, row(before)}
  end
end

local thread = redis.call('HMGET', log, 'closed', 'url', 'title', 'made_ms')
if thread[1] == '1' then return 'closed' end
local is_known = not string.find(name, '^[^\n]*\npage:') or (thread[2] or '') ~= ''
if not is_known and url == '' and ARGV[14] == 'page' then return 'page' end

local root, depth = id, 0
if parent ~= '' then
  local above = redis.call('HMGET', at .. 'c:' .. parent, 'channel', 'state', 'root', 'depth', 'author')
  local is_shadowed = above[2] == 'shadow' and above[5] == author
  if above[1] ~= name or not (above[2] == 'approved' or is_shadowed) then return 'parent' end
  if tonumber(above[4]) >= tonumber(ARGV[11]) then return 'deep' end
  -- Below something that its author alone believes to be shown: so is this.
  if is_shadowed then state = 'shadow' end
  root, depth = above[3], above[4] + 1
end
if redis.call('EXISTS', at .. 'c:' .. id) == 1 then return 'taken' end

local epoch, top = stand(log)
if not is_known then
  local title = thread[3] or ''
  redis.call('HSET', log, 'url', url, 'title', title ~= '' and title or ARGV[16], 'made_ms', thread[4] or created)
  if url ~= '' then enter_page() end
end
local now = redis.call('TIME')
local c = {id = id, created = created, parent = parent, pinned = false, score = '0', author = author, seen = '',
  arrived = now[1] .. string.format('%06d', now[2])}
redis.call('HSET', at .. 'c:' .. id, 'channel', name, 'parent', parent, 'root', root, 'depth', depth, 'created', created,
  'state', state, 'replies', 0, 'changed_ms', created, 'author', author, 'rendered_by', ARGV[10], 'content', ARGV[13],
  'arrived', c.arrived)
redis.call('SET', at .. 't:' .. id, ARGV[8])
if ARGV[9] ~= '' then redis.call('HSET', at .. 'c:' .. id, 'email', ARGV[9]) end
if ARGV[17] ~= '' then redis.call('HSET', at .. 'c:' .. id, 'reason', ARGV[17]) end
if ARGV[18] ~= '' then redis.call('HSET', at .. 'c:' .. id, 'address', ARGV[18]) end
if nonce ~= '' then
  redis.call('HSET', nonces, nonce, id)
  redis.call('HSET', at .. 'c:' .. id, 'nonce', nonce)
end
relist(c, state, 0)
file(c, state, true, created)

-- What moderators look through, and the figures of the hour.
local site = string.match(name, '^[^\n]*')
redis.call('ZADD', at .. 's:' .. site, c.arrived, id)
redis.call('ZADD', at .. 's:' .. site .. '\n' .. author, c.arrived, id)
local hour = string.format('%.0f', math.floor(created / 3600000) * 3600000)
redis.call('HINCRBY', at .. 'desk hours:' .. site, hour .. ' came', 1)
if ARGV[17] ~= '' then redis.call('HINCRBY', at .. 'desk hours:' .. site, hour .. ' held', 1) end

if state ~= 'approved' then return {epoch, -1, 0, row(id)} end
count(c, 1)
climb(parent, 1)
return tell(c, verb, epoch, top, true)
