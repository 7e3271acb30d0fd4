-- Marks an act as undone: one caller wins. ARGV: 1 the site, 2 its number, 3 when. Answers the act, or nothing.
local act = redis.call('HGET', at .. 'desk acts:' .. ARGV[1], ARGV[2])
if not act or cjson.decode(act).undo == '' then return false end
return redis.call('HSETNX', at .. 'desk undone:' .. ARGV[1], ARGV[2], ARGV[3]) == 1 and act or false
