-- Keeps an act of a moderator. ARGV: 1 the site, 2 the act. Answers its number.
local number = redis.call('INCR', at .. 'desk last:' .. ARGV[1])
redis.call('HSET', at .. 'desk acts:' .. ARGV[1], number, ARGV[2])
return number
