-- Another text for a comment. One that is held stays held, and nobody is told.
-- ARGV: 2 verb, 3 id, 4 the text as `row` has it, 5 the renderer's version, 6 when. Answers as `post`, or `unknown`.
local id = ARGV[3]
local c = known(id)
if c.channel ~= name or c.state == 'deleted' then return 'unknown' end
local author = string.match(redis.call('GET', at .. 't:' .. id) or '', '^[^\n]*')
redis.call('SET', at .. 't:' .. id, author .. '\n' .. ARGV[4])
redis.call('HSET', at .. 'c:' .. id, 'rendered_by', ARGV[5], 'edited', ARGV[6], 'changed_ms', ARGV[6])
if c.state ~= 'approved' then return {'', -1, 0, row(id)} end
local epoch, top = stand(log)
return tell(c, ARGV[2], epoch, top)
