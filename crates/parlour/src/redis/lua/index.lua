-- The pages of a site whose address is known, in the order of their channels.
local function index_of(of) return at .. 'pages:' .. string.match(of, '^[^\n]*'), string.match(of, '\n(.*)$') end

local function enter_page()
  local index, channel = index_of(name)
  redis.call('ZADD', index, 0, channel)
end
