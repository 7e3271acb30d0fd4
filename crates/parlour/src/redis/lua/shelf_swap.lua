-- Changes records, all of them if each is what it must be, else none. What is over its time is nothing.
-- ARGV: 1 now; then for each record its name, what it must be (`any`, `none` or `this`), that text, what it is to be (`gone`, `kept` or
-- `until`), that text, and until when. Answers 1 where it did.
local now = tonumber(ARGV[1])
for first = 2, #ARGV, 6 do
  local name, before = ARGV[first], ARGV[first + 1]
  if before ~= 'any' then
    local until_ms = redis.call('ZSCORE', at .. 'shelf due', name)
    local is_over = until_ms and tonumber(until_ms) <= now
    local record = not is_over and redis.call('HGET', at .. 'shelf', name)
    if before == 'none' and record or before == 'this' and record ~= ARGV[first + 2] then return 0 end
  end
end
for first = 2, #ARGV, 6 do
  local name, after = ARGV[first], ARGV[first + 3]
  if after == 'gone' then
    redis.call('HDEL', at .. 'shelf', name)
    redis.call('ZREM', at .. 'shelf names', name)
  else
    redis.call('HSET', at .. 'shelf', name, ARGV[first + 4])
    redis.call('ZADD', at .. 'shelf names', 0, name)
  end
  if after == 'until' then
    redis.call('ZADD', at .. 'shelf due', ARGV[first + 5], name)
  else
    redis.call('ZREM', at .. 'shelf due', name)
  end
end
return 1
