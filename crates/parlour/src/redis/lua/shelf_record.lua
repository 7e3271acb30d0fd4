-- The record of a name, or nothing. ARGV: 1 now, 2 the name.
local until_ms = redis.call('ZSCORE', at .. 'shelf due', ARGV[2])
if until_ms and tonumber(until_ms) <= tonumber(ARGV[1]) then return false end
return redis.call('HGET', at .. 'shelf', ARGV[2])
