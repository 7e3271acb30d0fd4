-- Records by the beginning of their names, in order. ARGV: 1 now, 2 the beginning, 3 the name behind which to begin, 4 how many.
-- Answers name, record, name, record, ….
local now, prefix, limit = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[4])
local from, found, done = ARGV[3] >= prefix and '(' .. ARGV[3] or '[' .. prefix, {}, false
while not done and #found < limit * 2 do
  local names = redis.call('ZRANGEBYLEX', at .. 'shelf names', from, '+', 'LIMIT', 0, 100)
  done = #names < 100
  for _, name in ipairs(names) do
    if string.sub(name, 1, #prefix) ~= prefix or #found >= limit * 2 then
      done = true
      break
    end
    local until_ms = redis.call('ZSCORE', at .. 'shelf due', name)
    if not until_ms or tonumber(until_ms) > now then
      found[#found + 1] = name
      found[#found + 1] = redis.call('HGET', at .. 'shelf', name)
    end
    from = '(' .. name
  end
end
return found
