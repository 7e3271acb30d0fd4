-- Blocks somebody, or lifts a block. ARGV: 1 the site, 2 whom, 3 the block, or nothing to lift it. Answers the block that was.
local blocks = at .. 'desk blocks:' .. ARGV[1]
local before = redis.call('HGET', blocks, ARGV[2])
if ARGV[3] then redis.call('HSET', blocks, ARGV[2], ARGV[3]) else redis.call('HDEL', blocks, ARGV[2]) end
return before
