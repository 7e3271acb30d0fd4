-- So many read a channel on a node: noted, and announced to those who read it elsewhere. KEYS: the node's hash of this partition.
-- ARGV: NAME, what is noted (empty: nothing), milliseconds of the lease, how it is announced, under which name, what.
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call(ARGV[4], ARGV[5], ARGV[6])
return 1
