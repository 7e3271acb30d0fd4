-- The channel that a thread comes to, in steps; each may be done again. ARGV: 2 the step, 3 the channel that it comes from, then
--   ready    nothing. What was another name of that channel is a home again.
--   reserve  4 the fold's own name, 5 the other's top, 6 from where on its log is whole, 7 its views, 8 to 14 its thread as `fold_from`
--            answered it, 15 and 16 the page's address and title from now on, or nothing. Makes room above the top for all that comes,
--            and takes what is not carried piece by piece. Answers the offset from which on what comes has its own.
--   settle   4 the verb. All is here: no position from before is good, and readers hear it.
--   name     nothing. The other is another name of this.
local step, from = ARGV[2], ARGV[3]

-- Goes on with an epoch of its own.
local function renew(top)
  local id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  redis.call('HSET', log, 'epoch', fresh(id), 'master', id, 'top', string.format('%.0f', top), 'older', '')
end

local home = redis.call('HGET', log, 'home')
if home and not (step == 'ready' and home == from) then return '>' .. home end
if step == 'ready' then
  if home then
    redis.call('HDEL', log, 'home', 'fold')
    renew(tonumber(redis.call('HGET', log, 'top') or 0))
  end
elseif step == 'name' then
  redis.call('SADD', at .. 'w:' .. name, from)
elseif step == 'settle' then
  local _, top = stand(log)
  renew(top)
  redis.call(ARGV[4], at .. 'a:' .. name, 'M\n' .. string.match(name, '\n(.*)$'))
else
  local reserved = redis.call('HGET', log, 'fold ' .. from)
  local id, base = string.match(reserved or '', '^(%d+) (%d+)$')
  if id == ARGV[4] then return tonumber(base) end
  local _, top = stand(log)
  local function above(offset) return string.format('%.0f', top + offset) end
  redis.call('HSET', log, 'fold ' .. from, ARGV[4] .. ' ' .. above(0))
  renew(top + ARGV[5])
  if tonumber(ARGV[6]) > 0 then redis.call('HSET', log, 'whole', above(ARGV[6])) end
  if tonumber(ARGV[7]) > 0 then redis.call('HINCRBY', log, 'views', ARGV[7]) end
  -- A thread without an address takes that of the one that comes.
  local url, title = (redis.call('HGET', log, 'url') or ''), ARGV[10]
  if url == '' and ARGV[9] .. title ~= '' then
    url = ARGV[9]
    redis.call('HSET', log, 'closed', ARGV[8], 'url', url, 'title', title, 'made_ms', ARGV[11], 'verified', ARGV[12])
    if ARGV[14] ~= '' then
      redis.call('HSET', log, 'thread_ms', ARGV[13])
      redis.call('ZADD', at .. 'g:' .. name, above(ARGV[14]), '-')
    end
  end
  if ARGV[15] ~= '' then
    url, title = ARGV[15], redis.call('HGET', log, 'title') or ''
    redis.call('HSET', log, 'url', url, 'title', ARGV[16] ~= '' and ARGV[16] or title, 'verified', '1')
  end
  if url ~= '' then enter_page() end
  return top
end
return 1
