-- Lets go of records that are over their time. ARGV: 1 now. Answers 1 where more are.
local over = redis.call('ZRANGEBYSCORE', at .. 'shelf due', '-inf', ARGV[1], 'LIMIT', 0, 256)
for _, name in ipairs(over) do
  redis.call('HDEL', at .. 'shelf', name)
  redis.call('ZREM', at .. 'shelf names', name)
  redis.call('ZREM', at .. 'shelf due', name)
end
return #over == 256 and 1 or 0
