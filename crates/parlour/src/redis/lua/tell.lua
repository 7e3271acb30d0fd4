-- Gives a change of a comment that everybody sees, or saw, its place in the log and tells it; `is_made` where it comes into sight by it.
-- Answers as `post` does.
local function tell(c, verb, epoch, top, is_made)
  local offset = enter(c.id, top)
  if is_made then redis.call('HSET', at .. 'c:' .. c.id, 'made', offset) end
  local told = row(c.id)
  announce('C', verb, epoch, c.changed, told)
  return {epoch, top + 1, 0, told}
end

