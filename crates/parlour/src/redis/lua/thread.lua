-- A thread's title or state. Its last change is an entry of the log, and the only one kept.
-- ARGV: 2 verb, 3 `1`, `0` or nothing: whether it is closed, 4 `title` where there is one, 5 the title, 6 when.
-- Answers epoch and offset (-1 where nothing changed).
local kept = redis.call('HMGET', log, 'closed', 'title', 'url')
local closed, title, url = kept[1] or '0', kept[2] or '', kept[3] or ''
local closed_now = ARGV[3] ~= '' and ARGV[3] or closed
local title_now = ARGV[4] == 'title' and ARGV[5] or title
if closed_now == closed and title_now == title then return {'', -1, 0} end
local epoch, top = stand(log)
local offset = string.format('%.0f', top + 1)
redis.call('HSET', log, 'top', offset, 'closed', closed_now, 'title', title_now, 'thread_ms', ARGV[6])
redis.call('ZADD', at .. 'g:' .. name, offset, '-')
redis.call(ARGV[2], at .. 'a:' .. name,
  epoch .. '\nT\n' .. offset .. '\n' .. ARGV[6] .. '\n' .. closed_now .. '\n' .. url .. '\n' .. title_now)
return {epoch, top + 1, 0}
