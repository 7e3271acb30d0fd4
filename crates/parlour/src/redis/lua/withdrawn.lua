-- What was withdrawn before its time. ARGV: 1 that time, 2 how many. Answers id, its channel, id, its channel, ….
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', at .. 'withdrawn', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
  found[#found + 1] = id
  found[#found + 1] = redis.call('HGET', at .. 'c:' .. id, 'channel') or ''
end
return found
