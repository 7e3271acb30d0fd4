-- Publications come into a channel. One that is there already stays.
-- ARGV: 2 the offset from which on they have theirs, then as `fold_read` answered them. Answers 1.
local stream, nonces, base = at .. 'p:' .. name, at .. 'n:' .. name, tonumber(ARGV[2])
local fresh_ones = {}
for first = 3, #ARGV, 4 do
  local offset, data, nonce = string.format('%.0f', base + ARGV[first]), ARGV[first + 1], ARGV[first + 2]
  local id = offset .. '-0'
  if #redis.call('XRANGE', stream, id, id) == 0 then
    local is_first = nonce ~= '' and redis.call('HSETNX', nonces, nonce, offset .. ' ' .. ARGV[first + 3]) == 1
    fresh_ones[#fresh_ones + 1] = {id, is_first and {'d', data, 'n', nonce} or {'d', data}, tonumber(offset)}
    local due, time = redis.call('ZSCORE', at .. 'due', name), string.match(data, '^%-?%d+')
    if not due or tonumber(time) < tonumber(due) then redis.call('ZADD', at .. 'due', time, name) end
  end
end
if #fresh_ones == 0 then return 1 end
local later = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
if later and tonumber(string.match(later[1], '^%d+')) > fresh_ones[1][3] then
  -- Something was published since room was made.
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
    fresh_ones[#fresh_ones + 1] = {entry[1], entry[2], tonumber(string.match(entry[1], '^%d+'))}
  end
  table.sort(fresh_ones, function(left, right) return left[3] < right[3] end)
  rewrite(stream, fresh_ones)
else
  for _, entry in ipairs(fresh_ones) do redis.call('XADD', stream, entry[1], unpack(entry[2])) end
end
return 1
