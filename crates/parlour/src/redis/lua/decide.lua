-- A moderator decides whether a comment is shown. Approval appends it as made; what is taken back is told as gone.
-- ARGV: 2 verb, 3 id, 4 the state, 5 when, 6 why, or nothing. Answers as `post`, or `unknown`.
local id, state = ARGV[3], ARGV[4]
local c = known(id)
if c.channel ~= name or c.state == 'deleted' then return 'unknown' end
if c.state == state then return {'', -1, 1, row(id)} end
if state == 'deleted' then return 'unknown' end
redis.call('HSET', at .. 'c:' .. id, 'state', state, 'changed_ms', ARGV[5])
redis.call('HDEL', at .. 'c:' .. id, 'untold')
if ARGV[6] ~= '' then redis.call('HSET', at .. 'c:' .. id, 'reason', ARGV[6]) end
relist(c, state, c.replies)
file(c, c.state, false)
file(c, state, true, ARGV[5])
local more = 0
if state == 'approved' then more = 1 elseif c.state == 'approved' then more = -1 end
if more == 0 then return {'', -1, 0, row(id)} end
local epoch, top = stand(log)
count(c, more)
climb(c.parent, more)
return tell(c, ARGV[2], epoch, top, state == 'approved')
