-- Comments that are elsewhere now leave a channel and its partition. ARGV: 1 the channel, then their ids. Answers 1.
for index = 2, #ARGV do
  local id = ARGV[index]
  local is_here = redis.call('HGET', at .. 'c:' .. id, 'channel') == name
  leave(id)
  if is_here then
    for _, kind in ipairs({'c:', 't:', 'e:', 'f:', 'y:', 'k:', 'K:'}) do redis.call('UNLINK', at .. kind .. id) end
  end
end
return 1
