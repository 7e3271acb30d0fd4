-- The newest comments of one of a site's lists, by when they arrived. ARGV: 1 the list, 2 how many, 3 and 4 the place behind which to
-- begin, if there is one: when it arrived, and its id. Answers id, when, id, when, ….
local list, rows = at .. ARGV[1], tonumber(ARGV[2])
local flat = redis.call('ZREVRANGEBYSCORE', list, ARGV[3] or '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, rows + 16)
local found = {}
for index = 1, #flat, 2 do
  local is_beyond = not ARGV[3] or tonumber(flat[index + 1]) < tonumber(ARGV[3]) or flat[index] < ARGV[4]
  if is_beyond and #found < rows * 2 then
    found[#found + 1] = flat[index]
    found[#found + 1] = flat[index + 1]
  end
end
return found
