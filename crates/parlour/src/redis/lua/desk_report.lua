-- One more reader reported a comment. ARGV: 1 the site, 2 the id, 3 the reader. Answers how many did; 0 where there is none here.
local kept = redis.call('HMGET', at .. 'c:' .. ARGV[2], 'channel', 'reports')
if not kept[1] or string.match(kept[1], '^[^\n]*') ~= ARGV[1] then return 0 end
if redis.call('SADD', at .. 'y:' .. ARGV[2], ARGV[3]) == 0 then return tonumber(kept[2] or 0) end
return redis.call('HINCRBY', at .. 'c:' .. ARGV[2], 'reports', 1)
