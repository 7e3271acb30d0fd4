-- A comment as it is told: lines, each a field, the last two (the author and the text, JSON both) empty where it is deleted.
-- No field has a line feed within: they are numbers, ids, words and compact JSON.
local function row(id)
  local kept = redis.call('HMGET', at .. 'c:' .. id, 'parent', 'root', 'depth', 'created', 'edited', 'state', 'pinned', 'replies',
    'made', 'changed', 'changed_ms', 'reactions', 'rendered_by')
  if not kept[2] then return nil end
  for field = 1, 13 do kept[field] = kept[field] or '' end
  return id .. '\n' .. table.concat(kept, '\n') .. '\n' .. (redis.call('GET', at .. 't:' .. id) or '\n')
end

-- A member's reactions to a comment: a line each, the name, a tab, and the guest's address or nothing.
local function reactions_of(id, member)
  return redis.call('HGET', at .. 'e:' .. id, member) or ''
end
