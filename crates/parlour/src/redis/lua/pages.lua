-- Some of a site's pages. ARGV: 1 the site, 2 the channel behind which to begin, 3 how many.
-- Answers for each its channel, comments, whether it is closed, address, title, since when, `1` where these are sure.
local found = {}
for _, channel in ipairs(redis.call('ZRANGEBYLEX', at .. 'pages:' .. ARGV[1], '(' .. ARGV[2], '+', 'LIMIT', 0, ARGV[3])) do
  local kept = redis.call('HMGET', at .. 'l:' .. ARGV[1] .. '\n' .. channel, 'comments', 'closed', 'url', 'title', 'made_ms', 'verified')
  found[#found + 1] = channel
  for field = 1, 6 do found[#found + 1] = kept[field] or '' end
end
return found
