-- What a member reacted with to a site's comments. ARGV: 1 the site, 2 the member, 3 comments passed over, 4 how many are looked at.
-- Answers how many were, then each comment's id and the member's lines.
local ids = redis.call('ZRANGE', at .. 's:' .. ARGV[1], ARGV[3], ARGV[3] + ARGV[4] - 1)
local found = {tostring(#ids)}
for _, id in ipairs(ids) do
  local lines = reactions_of(id, ARGV[2])
  if lines ~= '' then
    found[#found + 1] = id
    found[#found + 1] = lines
  end
end
return found
