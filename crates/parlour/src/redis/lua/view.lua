-- One more view of a channel: how many there are now.
return redis.call('HINCRBY', at .. 'l:' .. name, 'views', 1)
