-- One pass over a partition's channels whose oldest publication is due: lets go of what is too old.
-- ARGV: 1 what is older goes, in milliseconds since 1970. Answers 1 where more is due.
local oldest = tonumber(ARGV[1])
local due = redis.call('ZRANGEBYSCORE', at .. 'due', '-inf', '(' .. ARGV[1], 'LIMIT', 0, 16)
local more = #due == 16
for _, channel in ipairs(due) do
  local stream = at .. 'p:' .. channel
  local gone, next_due = {}, nil
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', 257)) do
    local time = tonumber(string.match(entry[2][2], '^%-?%d+'))
    if #gone == 256 or time >= oldest then
      next_due = time
      break
    end
    gone[#gone + 1] = entry
  end
  if #gone > 0 then let_go(channel, gone) end
  if next_due then
    redis.call('ZADD', at .. 'due', next_due, channel)
    more = more or next_due < oldest
  else
    redis.call('ZREM', at .. 'due', channel)
  end
end
return more and 1 or 0
