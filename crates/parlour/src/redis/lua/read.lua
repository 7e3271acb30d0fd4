-- Part of a channel's log, in one snapshot: publications lie in a stream under their offsets, comments and the thread in a sorted set
-- by the offset of their last change. They are merged by offset, in small chunks, within the limits asked.
-- ARGV: 2 `1` for the newest first, 3 the offset behind which to begin (nothing: at the top), 4 entries, 5 bytes.
-- Answers epoch, top, older epochs, the offset above which the log is whole, 1 where more is left, and the entries.
local CHUNK = 64
local reverse, entries_max, bytes_max = ARGV[2] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])

-- An answer of a command, a chunk at a time: `ask` gets the last element, or nothing at the beginning.
local function source(ask)
  local chunk, at_hand = ask(nil), 1
  return function() return chunk[at_hand] end, function()
    at_hand = at_hand + 1
    if at_hand > #chunk and #chunk == CHUNK then chunk, at_hand = ask(chunk[CHUNK]), 1 end
  end
end

local function range_of_publications(last)
  local from = last and last[1] or (ARGV[3] ~= '' and ARGV[3] .. '-0')
  if reverse then
    return redis.call('XREVRANGE', at .. 'p:' .. name, from and '(' .. from or '+', '-', 'COUNT', CHUNK)
  end
  return redis.call('XRANGE', at .. 'p:' .. name, from and '(' .. from or '-', '+', 'COUNT', CHUNK)
end

local function range_of_changes(last)
  local from = last and last[2] or (ARGV[3] ~= '' and ARGV[3])
  local flat
  if reverse then
    flat = redis.call('ZREVRANGEBYSCORE', at .. 'g:' .. name, from and '(' .. from or '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, CHUNK)
  else
    flat = redis.call('ZRANGEBYSCORE', at .. 'g:' .. name, from and '(' .. from or '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, CHUNK)
  end
  local pairs_of = {}
  for index = 1, #flat, 2 do pairs_of[#pairs_of + 1] = {flat[index], flat[index + 1]} end
  return pairs_of
end

local function thread(offset)
  local kept = redis.call('HMGET', log, 'thread_ms', 'closed', 'url', 'title')
  for field = 1, 4 do kept[field] = kept[field] or '' end
  return 'T\n' .. offset .. '\n' .. table.concat(kept, '\n')
end

local publication, next_publication = source(range_of_publications)
local change, next_change = source(range_of_changes)
local entries, bytes, more = {}, 0, 0
while true do
  local published, changed = publication(), change()
  if not published and not changed then break end
  if #entries >= entries_max or bytes > bytes_max then
    more = 1
    break
  end
  local here = published and tonumber(string.match(published[1], '^%d+'))
  local there = changed and tonumber(changed[2])
  local entry
  if here and (not there or (here < there) ~= reverse) then
    entry = 'P\n' .. string.format('%.0f', here) .. '\n' .. published[2][2]
    next_publication()
  else
    entry = changed[1] == '-' and thread(changed[2]) or 'C\n' .. changed[2] .. '\n' .. row(changed[1])
    next_change()
  end
  entries[#entries + 1] = entry
  bytes = bytes + #entry
end
local epoch, top, older, whole = standing()
return {epoch, top, older, whole, more, entries}
