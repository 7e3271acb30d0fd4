-- Writes the publications of a channel anew: a stream takes nothing in between.
local function rewrite(stream, entries)
  redis.call('DEL', stream)
  for _, entry in ipairs(entries) do redis.call('XADD', stream, entry[1], unpack(entry[2])) end
end
