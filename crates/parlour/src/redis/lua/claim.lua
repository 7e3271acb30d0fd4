-- A comment is another member's from now on: a guest's, who signed in.
-- ARGV: 2 verb, 3 id, 4 whose it was, 5 the member's id, 6 the author as `row` has it, 7 when. Answers as `post`, or `unknown`.
local id, before, after = ARGV[3], ARGV[4], ARGV[5]
local c = known(id)
if c.channel ~= name or c.state == 'deleted' or c.author ~= before then return 'unknown' end
local site = string.match(name, '^[^\n]*')
-- Out of all that knows it by its author, and into the same of the other.
local function move(is_there)
  if c.seen == 'held' then enlist(c, c.seen, is_there) end
  if c.state == 'shadow' then redis.call('HINCRBY', at .. 'z:' .. name, c.author, is_there and 1 or -1) end
  if c.state == 'approved' then count(c, is_there and 1 or -1) end
  set(is_there, at .. 's:' .. site .. '\n' .. c.author, c.arrived, id)
end
move(false)
c.author = after
move(true)
local text = string.match(redis.call('GET', at .. 't:' .. id) or '', '\n(.*)$') or ''
redis.call('SET', at .. 't:' .. id, ARGV[6] .. '\n' .. text)
redis.call('HDEL', at .. 'c:' .. id, 'email')
redis.call('HSET', at .. 'c:' .. id, 'author', after, 'changed_ms', ARGV[7])
if c.state ~= 'approved' then return {'', -1, 0, row(id)} end
local epoch, top = stand(log)
return tell(c, ARGV[2], epoch, top)
