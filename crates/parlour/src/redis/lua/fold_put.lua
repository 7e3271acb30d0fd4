-- Comments come into a channel. One that is there already stays as it is.
-- ARGV: 2 the channel that they come from, where that is of this partition, else nothing, 3 the offset from which on they have theirs,
-- then as `fold_take` answered them. Answers 1.
local home, near, base = name, ARGV[2], tonumber(ARGV[3])
for first = 4, #ARGV, 7 do
  local id, since = ARGV[first], ARGV[first + 1]
  if near ~= '' then
    name, log = near, at .. 'l:' .. near
    leave(id)
    name, log = home, at .. 'l:' .. home
    if redis.call('HGET', at .. 'c:' .. id, 'channel') == near then arrive(id, base, since) end
  elseif redis.call('HGET', at .. 'c:' .. id, 'channel') ~= home then
    for offset, kind in ipairs({'c:', 't:', 'e:', 'f:', 'y:'}) do
      local kept = ARGV[first + 1 + offset]
      if kept ~= '' then redis.call('RESTORE', at .. kind .. id, 0, kept, 'REPLACE') end
    end
    if redis.call('EXISTS', at .. 'c:' .. id) == 1 then arrive(id, base, since) end
  end
end
return 1
