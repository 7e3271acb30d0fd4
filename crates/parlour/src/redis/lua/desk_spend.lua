-- Spends something that is good once. ARGV: 1 what, 2 until when. Answers 1 where it was not spent before.
return redis.call('SET', at .. 'desk spent:' .. ARGV[1], 1, 'NX', 'PXAT', ARGV[2]) and 1 or 0
