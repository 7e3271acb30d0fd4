-- Comments as moderators see them. ARGV: their ids. For each: the channel, why it was held, reports, the sender's address, the row.
local found = {}
for _, id in ipairs(ARGV) do
  local kept = redis.call('HMGET', at .. 'c:' .. id, 'channel', 'reason', 'reports', 'address')
  local told = kept[1] and row(id)
  for field = 1, 4 do found[#found + 1] = kept[field] or '' end
  found[#found + 1] = told or ''
end
return found
