-- Takes a comment away: text and author leave the store at once. Of one that nobody was shown nobody is told.
-- ARGV: 2 verb, 3 id, 4 when. Answers as `post`, or `unknown`.
local id = ARGV[3]
local comment = at .. 'c:' .. id
local kept = redis.call('HMGET', comment, 'channel', 'state', 'replies', 'author', 'parent', 'changed')
if kept[1] ~= name or kept[2] == 'deleted' then return 'unknown' end
redis.call('DEL', at .. 't:' .. id)
redis.call('HDEL', comment, 'author', 'email', 'content', 'edited', 'pinned', 'reactions')
redis.call('HSET', comment, 'state', 'deleted', 'changed_ms', ARGV[4])
if kept[2] ~= 'approved' then
  release(id, kept[4])
  return {'', -1, 0, row(id)}
end
local epoch, top = stand(log)
if tonumber(kept[3]) == 0 then redis.call('ZREM', seen, id) end
redis.call('HINCRBY', log, 'comments', -1)
climb(kept[5], -1)
enter(id, top)
local told = row(id)
announce(ARGV[2], epoch, kept[6], told)
return {epoch, top + 1, 0, told}
