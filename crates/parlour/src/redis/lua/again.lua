-- What a node noted, once more, because it was gone. KEYS: the node's hash of a partition. ARGV: milliseconds of the lease, then
-- NAME and what is noted, by turns.
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
