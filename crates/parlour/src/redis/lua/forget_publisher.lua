-- Takes a member out of the publications of a channel: who published, and the nonce. ARGV: 2 the member. Answers how many there were.
local stream, theirs = at .. 'p:' .. name, '\n+' .. ARGV[2] .. '\n'
local CHUNK = 256

local function is_theirs(entry) return string.match(entry[2][2], '^%-?%d+(\n[^\n]*\n)') == theirs end

local count, from = 0, '-'
repeat
  local chunk = redis.call('XRANGE', stream, from, '+', 'COUNT', CHUNK)
  for _, entry in ipairs(chunk) do
    if is_theirs(entry) then count = count + 1 end
  end
  from = #chunk > 0 and '(' .. chunk[#chunk][1]
until #chunk < CHUNK
if count == 0 then return 0 end
local entries = redis.call('XRANGE', stream, '-', '+')
for _, entry in ipairs(entries) do
  if is_theirs(entry) then
    local time, data = string.match(entry[2][2], '^(%-?%d+)\n[^\n]*\n[^\n]*\n(.*)$')
    if entry[2][4] then redis.call('HDEL', at .. 'n:' .. name, entry[2][4]) end
    entry[2] = {'d', time .. '\n\n\n' .. data}
  end
end
rewrite(stream, entries)
return count
