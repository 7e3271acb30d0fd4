-- Some of the publications that a channel keeps. ARGV: 1 the channel, 2 the offset behind which to begin, 3 how many at most, 4 bytes after
-- which no more are read. Answers for each offset, what is kept of it, its nonce's hash and its content's, or nothing.
local read, bytes = {}, 0
for _, entry in ipairs(redis.call('XRANGE', at .. 'p:' .. name, '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])) do
  if bytes > tonumber(ARGV[4]) then break end
  local nonce = entry[2][4] or ''
  local known = nonce ~= '' and redis.call('HGET', at .. 'n:' .. name, nonce) or ''
  for _, text in ipairs({string.match(entry[1], '^%d+'), entry[2][2], nonce, string.match(known, '^%d+ (.*)$') or ''}) do
    read[#read + 1] = text
    bytes = bytes + #text
  end
end
return read
