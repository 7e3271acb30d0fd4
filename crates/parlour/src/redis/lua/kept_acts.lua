-- What a member did as a moderator, and what names them. ARGV: 1 the site, 2 the member, 3 and 4 the first and the last act that is
-- looked at. Answers `1` where there are more, or nothing; then number, act, when it was undone or nothing; ….
local last = tonumber(redis.call('GET', at .. 'desk last:' .. ARGV[1]) or 0)
local found = {last > tonumber(ARGV[4]) and '1' or ''}
for number = tonumber(ARGV[3]), math.min(last, tonumber(ARGV[4])) do
  local field = string.format('%.0f', number)
  local kept = redis.call('HGET', at .. 'desk acts:' .. ARGV[1], field)
  if kept and string.find(kept, ARGV[2], 1, true) then
    local act = cjson.decode(kept)
    if act.by == ARGV[2] or string.find(act.target .. act.undo, ARGV[2], 1, true) then
      found[#found + 1] = field
      found[#found + 1] = kept
      found[#found + 1] = redis.call('HGET', at .. 'desk undone:' .. ARGV[1], field) or ''
    end
  end
end
return found
