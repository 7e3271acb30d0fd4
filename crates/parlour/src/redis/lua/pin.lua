-- A moderator pins a comment or lets it go. ARGV: 2 verb, 3 id, 4 `1` or nothing, 5 when. Answers as `post`, or `unknown`.
local id = ARGV[3]
local c = known(id)
if c.channel ~= name or c.state == 'deleted' then return 'unknown' end
if c.pinned == (ARGV[4] == '1') then return {'', -1, 1, row(id)} end
if c.seen ~= '' then enlist(c, c.seen, false) end
c.pinned = not c.pinned
if c.seen ~= '' then enlist(c, c.seen, true) end
redis.call('HSET', at .. 'c:' .. id, 'pinned', ARGV[4])
if c.state ~= 'approved' then return {'', -1, 0, row(id)} end
redis.call('HSET', at .. 'c:' .. id, 'changed_ms', ARGV[5])
local epoch, top = stand(log)
return tell(c, ARGV[2], epoch, top)
