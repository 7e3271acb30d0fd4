-- One comment with its channel, in whatever state. ARGV: 1 the id.
local channel = redis.call('HGET', at .. 'c:' .. ARGV[1], 'channel')
return channel and {channel, row(ARGV[1])} or {}
