-- Some of the comments that a channel still has, the upper ones first, those whom nobody sees last.
-- ARGV: 1 the channel, 2 how many at most, 3 bytes after which no more are taken, 4 `1` where they are to be carried to other servers.
-- Answers for each its id, since when it is withdrawn, and then what is kept of it, each as Redis dumps it, or nothing.
local most, bytes_max, is_far = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'

local function listed()
  for _, list in ipairs({at .. 'xt:' .. name, at .. 'xt:' .. name .. '\n', at .. 'g:' .. name}) do
    local ids = redis.call('ZRANGE', list, 0, most)
    for index = #ids, 1, -1 do
      if ids[index] == '-' then table.remove(ids, index) end
    end
    if #ids > 0 then return ids end
  end
  -- What was never shown and is gone is in its site's lists alone.
  local ids = {}
  for _, state in ipairs({'rejected', 'deleted'}) do
    for _, id in ipairs(redis.call('ZRANGE', at .. 'q:' .. string.match(name, '^[^\n]*') .. '\n' .. state, 0, -1)) do
      if #ids < most and redis.call('HGET', at .. 'c:' .. id, 'channel') == name then ids[#ids + 1] = id end
    end
  end
  return ids
end

local taken, bytes = {}, 0
for index, id in ipairs(listed()) do
  if index > most or bytes > bytes_max then break end
  taken[#taken + 1] = id
  taken[#taken + 1] = redis.call('ZSCORE', at .. 'withdrawn', id) or ''
  for _, kind in ipairs({'c:', 't:', 'e:', 'f:', 'y:'}) do
    local kept = is_far and redis.call('DUMP', at .. kind .. id) or ''
    taken[#taken + 1] = kept
    bytes = bytes + #kept
  end
end
return taken
