-- How many read some channels on some nodes. KEYS: those nodes' hashes of this partition. ARGV: NAMEs. For each node, for each NAME
-- what is noted, or an empty text.
local all = {}
for _, key in ipairs(KEYS) do
  for _, noted in ipairs(redis.call('HMGET', key, unpack(ARGV))) do all[#all + 1] = noted or '' end
end
return all
