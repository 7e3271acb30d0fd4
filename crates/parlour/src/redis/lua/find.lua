-- One comment with its channel, in whatever state. ARGV: 1 the id, 2 the member who asks, if any.
-- Answers the channel, the row and the member's reactions.
local channel = redis.call('HGET', at .. 'c:' .. ARGV[1], 'channel')
return channel and {channel, row(ARGV[1]), ARGV[2] and reactions_of(ARGV[1], ARGV[2]) or ''} or {}
