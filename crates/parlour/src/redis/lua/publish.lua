-- An application's publication: gives the offset, stores and announces. The path that is to be short.
-- ARGV: 2 what is kept of it; 3 the verb that announces; 4 publications kept (-1 all); 5 how many more before the oldest are trimmed;
-- 6 the nonce's hash and 7 the data's, if there is one.
-- Answers epoch, offset, and 1 where the same had come before; or the word `conflict`.
local epoch, top = stand(log)
local keep, nonce = tonumber(ARGV[4]), ARGV[6]
if nonce then
  local before = redis.call('HGET', at .. 'n:' .. name, nonce)
  if before then
    local offset, content = string.match(before, '^(%d+) (.*)$')
    if content ~= ARGV[7] then return 'conflict' end
    return {epoch, tonumber(offset), 1}
  end
end
local offset = string.format('%.0f', top + 1)
if keep == 0 then
  redis.call('HSET', log, 'top', offset, 'whole', offset)
else
  local stream = at .. 'p:' .. name
  redis.call('HSET', log, 'top', offset)
  if nonce then
    redis.call('XADD', stream, offset .. '-0', 'd', ARGV[2], 'n', nonce)
    redis.call('HSET', at .. 'n:' .. name, nonce, offset .. ' ' .. ARGV[7])
  else
    redis.call('XADD', stream, offset .. '-0', 'd', ARGV[2])
  end
  if keep > 0 then
    local length = redis.call('XLEN', stream)
    -- The sweep looks at a channel when its oldest publication is due.
    if length == 1 then redis.call('ZADD', at .. 'due', string.match(ARGV[2], '^%-?%d+'), name) end
    if length > keep + tonumber(ARGV[5]) then
      -- What an option made smaller is caught up with over the next appends.
      let_go(name, redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(length - keep, 256)))
    end
  end
end
redis.call(ARGV[3], at .. 'a:' .. name, epoch .. '\nP\n' .. offset .. '\n' .. ARGV[2])
return {epoch, top + 1, 0}
