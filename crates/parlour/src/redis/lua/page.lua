-- A flat page of a channel's comments, in one snapshot: those that everyone sees, and the held ones that the asker sees.
-- ARGV: 2 `newest` or `oldest`, 3 comments, 4 whose held ones: `all`, `own` or nothing, 5 the member, 6 and 7 the cursor: created and id
-- of the last comment before the page.
-- Answers epoch, top, how many are visible, 1 where more are left, the thread (nothing, or closed, url and title), the rows.
local newest, limit = ARGV[2] == 'newest', tonumber(ARGV[3])

-- The rank in a list of the first comment beyond the cursor upwards: lists are sorted by time, then id. Those of one millisecond
-- are searched by halves.
local function beyond(list, created, id)
  local low = redis.call('ZCOUNT', list, '-inf', '(' .. created)
  local high = low + redis.call('ZCOUNT', list, created, created)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', list, middle, middle)[1] <= id then low = middle + 1 else high = middle end
  end
  return low
end

-- The next comments of a list with their times, one more than asked.
local function walk(list)
  local size = redis.call('ZCARD', list)
  if size == 0 then return {} end
  local flat
  if newest then
    local last = size - 1
    if ARGV[6] then
      last = beyond(list, ARGV[6], ARGV[7]) - 1
      -- The cursor's own comment, where it is still there.
      if last >= 0 and redis.call('ZRANGE', list, last, last)[1] == ARGV[7] then last = last - 1 end
    end
    if last < 0 then return {} end
    flat = redis.call('ZREVRANGE', list, size - 1 - last, size - 1 - last + limit, 'WITHSCORES')
  else
    local first = ARGV[6] and beyond(list, ARGV[6], ARGV[7]) or 0
    flat = redis.call('ZRANGE', list, first, first + limit, 'WITHSCORES')
  end
  local found = {}
  for index = 1, #flat, 2 do found[#found + 1] = {id = flat[index], created = tonumber(flat[index + 1])} end
  return found
end

local found = walk(at .. 'v:' .. name)
local held = {}
if ARGV[4] == 'all' then held = walk(at .. 'h:' .. name) end
if ARGV[4] == 'own' then held = walk(at .. 'h:' .. name .. '\n' .. ARGV[5]) end
if #held > 0 then
  for _, comment in ipairs(held) do found[#found + 1] = comment end
  table.sort(found, function(left, right)
    if left.created ~= right.created then return (left.created < right.created) ~= newest end
    return left.id ~= right.id and (left.id < right.id) ~= newest
  end)
end
local rows = {}
for index = 1, math.min(limit, #found) do rows[index] = row(found[index].id) end
local epoch, top = standing()
local kept = redis.call('HMGET', log, 'comments', 'closed', 'url', 'title')
local thread = kept[4] and {kept[2] or '0', kept[3] or '', kept[4]} or {}
return {epoch, top, tonumber(kept[1] or 0), #found > limit and 1 or 0, thread, rows}
