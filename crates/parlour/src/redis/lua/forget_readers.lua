-- Takes a member out of what readers did to a site's comments. ARGV: 1 the site, 2 the member, 3 comments passed over, 4 how many are looked
-- at. Answers how many were. Counts stay: a number names nobody.
local ids = redis.call('ZRANGE', at .. 's:' .. ARGV[1], ARGV[3], ARGV[3] + ARGV[4] - 1)
for _, id in ipairs(ids) do
  redis.call('HDEL', at .. 'e:' .. id, ARGV[2])
  redis.call('SREM', at .. 'y:' .. id, ARGV[2])
end
return #ids
