-- A thread's title or state, or the page that it is on. Its last change is an entry of the log, and the only one kept.
-- ARGV: 2 verb, 3 `1`, `0` or nothing: whether it is closed, 4 `title` where there is one, 5 the title, 6 when; 7 the page's address and
-- 8 `1` where that is sure, if it is about these.
-- Answers epoch and offset (-1 where nothing changed).
local kept = redis.call('HMGET', log, 'closed', 'title', 'url', 'verified')
local closed, title, url, verified = kept[1] or '0', kept[2] or '', kept[3] or '', kept[4] or '0'
local closed_now = ARGV[3] ~= '' and ARGV[3] or closed
local title_now = ARGV[4] == 'title' and ARGV[5] or title
local url_now, verified_now = ARGV[7] or url, ARGV[8] or verified
if closed_now == closed and title_now == title and url_now == url and verified_now == verified then return {'', -1, 0} end
local epoch, top = stand(log)
local offset = string.format('%.0f', top + 1)
redis.call('HSET', log, 'top', offset, 'closed', closed_now, 'title', title_now, 'url', url_now, 'verified', verified_now,
  'thread_ms', ARGV[6])
if url_now ~= '' then enter_page() end
redis.call('ZADD', at .. 'g:' .. name, offset, '-')
redis.call(ARGV[2], at .. 'a:' .. name,
  epoch .. '\nT\n' .. offset .. '\n' .. ARGV[6] .. '\n' .. closed_now .. '\n' .. url_now .. '\n' .. title_now)
return {epoch, top + 1, 0}
