local name = ARGV[1]
-- A page's other name: whoever comes to it is told where the thread is.
if string.find(name, '\npage:', 1, true) then
  local home = redis.call('HGET', at .. 'l:' .. name, 'home')
  if home then return '>' .. home end
end
