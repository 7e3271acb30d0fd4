-- A member's publications in a channel. ARGV: 2 the member, 3 where to begin in the stream, 4 how many entries are looked at.
-- Answers the last entry that was looked at, or nothing at the end; then each publication's id and value.
local theirs = '\n+' .. ARGV[2] .. '\n'
local chunk = redis.call('XRANGE', at .. 'p:' .. name, ARGV[3], '+', 'COUNT', ARGV[4])
local found = {#chunk == tonumber(ARGV[4]) and chunk[#chunk][1] or ''}
for _, entry in ipairs(chunk) do
  if string.match(entry[2][2], '^%-?%d+(\n[^\n]*\n)') == theirs then
    found[#found + 1] = entry[1]
    found[#found + 1] = entry[2][2]
  end
end
return found
