-- The channel that a thread leaves, in three steps; each may be done again. ARGV: 2 the step, 3 the channel where it goes, then
--   begin  4 `bare` where nothing may hang on the name. From now on it is another name; what is there waits to be carried over. Answers the
--          fold's own name, top, from where on the log is whole, views, 1 where there is anything, and the thread: closed, address,
--          title, since when, whether that is sure, its last change and the offset of that. Or `done`, or `taken`.
--   tell   4 the verb. Readers hear where to go.
--   end    4 the fold's name. Nothing is left but the name.
--   follow 4 the channel that it was another name of: it is one of the new home now.
local step, into = ARGV[2], ARGV[3]
local log = at .. 'l:' .. name
local kept = redis.call('HMGET', log, 'home', 'fold', 'top', 'whole', 'views', 'closed', 'url', 'title', 'made_ms', 'verified', 'thread_ms')
local home, under_way = kept[1], kept[2] and string.match(kept[2], '^%d+')

local function has_comments()
  local listed = redis.call('ZCARD', at .. 'g:' .. name)
  if redis.call('ZSCORE', at .. 'g:' .. name, '-') then listed = listed - 1 end
  return listed > 0 or redis.call('EXISTS', at .. 'xt:' .. name .. '\n') == 1
end

if step == 'follow' then
  if home == ARGV[4] then redis.call('HSET', log, 'home', into) end
elseif step == 'tell' then
  redis.call(ARGV[4], at .. 'a:' .. name, 'M\n' .. into)
elseif step == 'end' then
  if under_way ~= ARGV[4] then return 0 end
  local index, channel = string.match(name, '^[^\n]*'), string.match(name, '\n(.*)$')
  redis.call('ZREM', at .. 'pages:' .. index, channel)
  redis.call('ZREM', at .. 'due', name)
  for _, list in ipairs({'xt:', 'xb:', 'xr:', 'xs:', 'xp:'}) do
    redis.call('UNLINK', at .. list .. name, at .. list .. name .. '\n')
  end
  for _, kind in ipairs({'l:', 'g:', 'p:', 'n:', 'm:', 'z:', 'w:'}) do redis.call('UNLINK', at .. kind .. name) end
  redis.call('HSET', log, 'home', into)
else
  if home == into and not under_way then return 'done' end
  if ARGV[4] == 'bare' and not home and has_comments() then return 'taken' end
  if not under_way or home ~= into then
    local now = redis.call('TIME')
    under_way = now[1] .. string.format('%06d', now[2])
    redis.call('HSET', log, 'home', into, 'fold', under_way)
  end
  local is_there = (kept[3] or kept[5] or kept[8]) and 1 or 0
  local thread = {}
  for field = 6, 11 do thread[#thread + 1] = kept[field] or '' end
  thread[#thread + 1] = redis.call('ZSCORE', at .. 'g:' .. name, '-') or ''
  return {under_way, tonumber(kept[3] or 0), tonumber(kept[4] or 0), tonumber(kept[5] or 0), is_there, thread}
end
return 1
