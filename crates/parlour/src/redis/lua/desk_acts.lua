-- The newest acts. ARGV: 1 the site, 2 how many, 3 only those with smaller numbers, if there is such a limit.
-- Answers number, act, when it was undone or nothing; ….
local last = tonumber(redis.call('GET', at .. 'desk last:' .. ARGV[1]) or 0)
if ARGV[3] then last = math.min(last, tonumber(ARGV[3]) - 1) end
local found = {}
for number = last, math.max(1, last - tonumber(ARGV[2]) + 1), -1 do
  local name = string.format('%.0f', number)
  local act = redis.call('HGET', at .. 'desk acts:' .. ARGV[1], name)
  if act then
    found[#found + 1] = name
    found[#found + 1] = act
    found[#found + 1] = redis.call('HGET', at .. 'desk undone:' .. ARGV[1], name) or ''
  end
end
return found
