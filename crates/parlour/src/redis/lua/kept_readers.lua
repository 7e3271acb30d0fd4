-- What a member did to a site's comments. ARGV: 1 the site, 2 the member, 3 comments passed over, 4 how many are looked at.
-- Answers how many were, then each comment's id, the member's lines, and `1` where they reported it, else nothing.
local ids = redis.call('ZRANGE', at .. 's:' .. ARGV[1], ARGV[3], ARGV[3] + ARGV[4] - 1)
local found = {tostring(#ids)}
for _, id in ipairs(ids) do
  local lines = reactions_of(id, ARGV[2])
  local reported = redis.call('SISMEMBER', at .. 'y:' .. id, ARGV[2]) == 1
  if lines ~= '' or reported then
    found[#found + 1] = id
    found[#found + 1] = lines
    found[#found + 1] = reported and '1' or ''
  end
end
return found
