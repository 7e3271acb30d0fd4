-- Walking along the lists of a channel, from wherever one stands, either way. What is held is walked beside what everyone sees, and
-- merged: an author's own, or for moderators all. A place in a list is {id, created, score}; score is 0 where nothing is sorted by it.
-- `sort`, `member` and `moderator` are the asker's.
local PINNED_MAX, CHUNK = 1000, 64

local comments = {}
local function comment(id)
  if not comments[id] then
    local c = known(id)
    c.created, c.score = tonumber(c.created), tonumber(c.score)
    comments[id] = c
  end
  return comments[id]
end

local function is_before(left, right, best)
  if best and left.score ~= right.score then return left.score < right.score end
  if left.created ~= right.created then return left.created < right.created end
  return left.id < right.id
end

-- How many members of a sorted set stand before this one, or, with `too`, do not stand behind it. Those of one score are searched
-- by halves.
local function rank(list, score, member, too)
  local at_score = string.format('%.0f', score)
  local low = redis.call('ZCOUNT', list, '-inf', '(' .. at_score)
  local high = low + redis.call('ZCOUNT', list, at_score, at_score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local there = redis.call('ZRANGE', list, middle, middle)[1]
    if there < member or (too and there == member) then low = middle + 1 else high = middle end
  end
  return low
end

-- The next places of one list: sorted by time, or by score with the time in the member.
local function range(list, best, from, rows, descending)
  local score, member
  if from then
    score = best and from.score or from.created
    member = best and string.format('%014d', from.created) .. from.id or from.id
  end
  local flat
  if descending then
    local last = (from and rank(list, score, member, false) or redis.call('ZCARD', list)) - 1
    if last < 0 then return {} end
    flat = redis.call('ZRANGE', list, math.max(0, last - rows + 1), last, 'WITHSCORES')
  else
    local first = from and rank(list, score, member, true) or 0
    flat = redis.call('ZRANGE', list, first, first + rows - 1, 'WITHSCORES')
  end
  local found = {}
  for index = 1, #flat, 2 do
    local name_there, score_there = flat[index], tonumber(flat[index + 1])
    local place = best and {id = string.sub(name_there, 15), created = tonumber(string.sub(name_there, 1, 14)), score = score_there}
      or {id = name_there, created = score_there, score = 0}
    if descending then table.insert(found, 1, place) else found[#found + 1] = place end
  end
  return found
end

local function sorted(places, best, descending, rows)
  table.sort(places, function(left, right)
    if descending then return is_before(right, left, best) end
    return is_before(left, right, best)
  end)
  for index = #places, rows + 1, -1 do places[index] = nil end
  return places
end

-- Pinned roots are few: all are looked at.
local function pinned(list, best, from, rows, descending)
  local flat, found = redis.call('ZRANGE', list, 0, PINNED_MAX - 1, 'WITHSCORES'), {}
  for index = 1, #flat, 2 do
    local place = {id = flat[index], created = tonumber(flat[index + 1]), score = best and comment(flat[index]).score or 0}
    local is_beyond = not from or (descending and is_before(place, from, best)) or (not descending and is_before(from, place, best))
    if is_beyond then found[#found + 1] = place end
  end
  return sorted(found, best, descending, rows)
end

-- The held answers of one comment that are the member's own.
local function own_answers(list, from, rows, descending)
  local found = {}
  while #found < rows do
    local chunk = range(list, false, from, CHUNK, descending)
    for _, place in ipairs(chunk) do
      if comment(place.id).author == member and #found < rows then found[#found + 1] = place end
    end
    if #chunk < CHUNK then break end
    from = chunk[CHUNK]
  end
  return found
end

local held = moderator and '\n' or (member ~= '' and '\n' .. member)
local sees_held = held and redis.call('EXISTS', at .. 'xt:' .. name .. held) == 1

-- The next places of a lane: `what` is `flat`, `roots`, `pinned` or `answers`.
local function onwards(lane, from, rows, upwards)
  local by = lane.what == 'answers' and 'oldest' or sort
  local best, descending = by == 'best', (by ~= 'oldest') ~= upwards
  if from and from.id == '' then from = nil end
  local function seen(suffix)
    if lane.what == 'answers' and suffix == '' then return range(at .. 'k:' .. lane.parent, false, from, rows, descending) end
    if lane.what == 'answers' and moderator then return range(at .. 'K:' .. lane.parent, false, from, rows, descending) end
    if lane.what == 'answers' then return own_answers(at .. 'K:' .. lane.parent, from, rows, descending) end
    local list = ':' .. name .. suffix
    if lane.what == 'pinned' then return pinned(at .. 'xp' .. list, best, from, rows, descending) end
    if lane.what == 'roots' then return range(at .. (best and 'xs' or 'xr') .. list, best, from, rows, descending) end
    return range(at .. (best and 'xb' or 'xt') .. list, best, from, rows, descending)
  end
  local found = seen('')
  if not sees_held then return found end
  for _, place in ipairs(seen(held)) do found[#found + 1] = place end
  return sorted(found, best, descending, rows)
end
