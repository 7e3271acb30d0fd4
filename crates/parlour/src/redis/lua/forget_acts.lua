-- Takes a member out of what moderators did. ARGV: 1 the site, 2 the member, 3 and 4 the first and the last act that is looked at.
-- Answers 1 where there are more.
local acts = at .. 'desk acts:' .. ARGV[1]
local last = tonumber(redis.call('GET', at .. 'desk last:' .. ARGV[1]) or 0)
for number = tonumber(ARGV[3]), math.min(last, tonumber(ARGV[4])) do
  local field = string.format('%.0f', number)
  local kept = redis.call('HGET', acts, field)
  if kept and string.find(kept, ARGV[2], 1, true) then
    local act = cjson.decode(kept)
    if act.by == ARGV[2] then act.by = '' end
    if string.find(act.target .. act.undo, ARGV[2], 1, true) then act.target, act.undo = '', '' end
    redis.call('HSET', acts, field, cjson.encode(act))
  end
end
return last > tonumber(ARGV[4]) and 1 or 0
