-- Takes a comment away: text and author leave the store at once. Of one that nobody was shown nobody is told.
-- ARGV: 2 verb, 3 id, 4 when; 5 since when it is to have been withdrawn, where it is not a person who deletes it. Answers as `post`, or `unknown`.
local id = ARGV[3]
local c = known(id)
if c.channel ~= name or c.state == 'deleted' then return 'unknown' end
local since = redis.call('ZSCORE', at .. 'withdrawn', id)
if ARGV[5] and not (since and tonumber(since) <= tonumber(ARGV[5])) then return 'unknown' end
-- Out of all lists first: they know it by its author, its pin and its score.
relist(c, 'deleted', 0)
file(c, c.state, false)
redis.call('ZREM', at .. 's:' .. string.match(name, '^[^\n]*') .. '\n' .. c.author, id)
redis.call('DEL', at .. 't:' .. id, at .. 'e:' .. id, at .. 'f:' .. id, at .. 'y:' .. id)
redis.call('HDEL', at .. 'c:' .. id, 'author', 'email', 'address', 'content', 'edited', 'pinned', 'score', 'reactions', 'untold')
redis.call('HSET', at .. 'c:' .. id, 'state', 'deleted', 'changed_ms', ARGV[4])
relist(known(id), 'deleted', c.replies)
file(c, 'deleted', true)
if c.state ~= 'approved' then return {'', -1, 0, row(id)} end
local epoch, top = stand(log)
count(c, -1)
climb(c.parent, -1)
return tell(c, ARGV[2], epoch, top)
