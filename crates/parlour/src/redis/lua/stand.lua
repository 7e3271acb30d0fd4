-- Where a log stands, and what vouches for it: its epoch, and the replication id of the master under which that was opened. A master has
-- another id after every start and every switch, and only there can the end of a log have been lost. So whoever appends under another
-- id opens a new epoch, and notes where the one before had ended in what is left of it.
-- `at` begins every key of the partition and is the partition's own key; `log` is the channel's.
local log = at .. 'l:' .. name

-- An epoch that no log had before: no other start has this id, and time passes between two openings of one start.
local function fresh(id)
  local now = redis.call('TIME')
  return string.sub(id, 1, 12) .. now[1] .. string.format('%06d', now[2])
end

-- Epoch and top of the log at `key`, for one who is about to append; what is missing is made. A log that nobody appended to
-- has the epoch of its partition.
local stand
function stand(key)
  local kept = redis.call('HMGET', key, 'epoch', 'master', 'top', 'older')
  local info = redis.call('INFO', 'replication')
  if kept[2] and string.find(info, 'master_replid:' .. kept[2], 1, true) then
    return kept[1], tonumber(kept[3])
  end
  local id = string.match(info, 'master_replid:(%x+)')
  local top, older, epoch = tonumber(kept[3] or 0), kept[4] or '', nil
  if kept[1] then
    epoch = fresh(id)
    -- The latest eight: EPOCH:END, a space before each.
    if select(2, string.gsub(older, ' ', '')) >= 8 then older = string.match(older, ' .-( .*)') end
    older = older .. ' ' .. kept[1] .. ':' .. string.format('%.0f', top)
  elseif key == at then
    epoch = fresh(id)
  else
    epoch = stand(at)
    older = redis.call('HGET', at, 'older')
  end
  redis.call('HSET', key, 'epoch', epoch, 'master', id, 'top', top, 'older', older)
  return epoch, top
end

-- The same for one who reads, with the older epochs and the offset above which the log is whole.
local function standing()
  local kept = redis.call('HMGET', log, 'epoch', 'top', 'older', 'whole')
  if kept[1] then return kept[1], tonumber(kept[2]), kept[3], tonumber(kept[4] or 0) end
  if redis.call('EXISTS', at) == 0 then stand(at) end
  kept = redis.call('HMGET', at, 'epoch', 'older')
  return kept[1], 0, kept[2], 0
end
