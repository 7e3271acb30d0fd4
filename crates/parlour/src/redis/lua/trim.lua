-- Lets go of the oldest publications of a channel, `gone` as the stream answered them, with their nonces; notes from where on the log
-- is whole.
local function let_go(channel, gone)
  local last = tonumber(string.match(gone[#gone][1], '^%d+'))
  for _, entry in ipairs(gone) do
    if entry[2][4] then redis.call('HDEL', at .. 'n:' .. channel, entry[2][4]) end
  end
  redis.call('XTRIM', at .. 'p:' .. channel, 'MINID', '=', string.format('%.0f-0', last + 1))
  redis.call('HSET', at .. 'l:' .. channel, 'whole', last)
end
