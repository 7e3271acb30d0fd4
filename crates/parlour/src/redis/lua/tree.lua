-- Heads and what hangs below them: each head is followed by a few of its descendants, depth first, and every branch that was cut is
-- named with the place from which it is read on.
local BRANCH_COMMENTS_MAX, BRANCH_DEPTH_MAX = 10, 6
local START = {id = '', created = 0, score = 0}
local shown, more = {}, {}

-- What hangs below the comment at `index`, which is `depth` below its head, while room is left.
local function descend(index, depth, room)
  local above = comment(shown[index])
  -- Visible answers are counted; held ones, which only some see, are not.
  if above.replies == 0 and not sees_held then return end
  local lane = {what = 'answers', parent = above.id}
  if depth >= BRANCH_DEPTH_MAX or room.left == 0 then
    if not sees_held or #onwards(lane, nil, 1, false) > 0 then more[above.id] = START end
    return
  end
  local last = START
  for _, answer in ipairs(onwards(lane, nil, room.left + 1, false)) do
    if room.left == 0 then
      more[above.id] = last
      return
    end
    room.left = room.left - 1
    last = answer
    shown[#shown + 1] = answer.id
    descend(#shown, depth + 1, room)
  end
end

local function add(id)
  shown[#shown + 1] = id
  descend(#shown, 0, {left = BRANCH_COMMENTS_MAX})
end

-- One head's branch, from `first` on, in the order in which it is read: what was added besides stands where it belongs.
local function in_order(first)
  local below, head = {}, comment(shown[first]).parent
  for index = first, #shown do
    local c = comment(shown[index])
    below[c.parent] = below[c.parent] or {}
    table.insert(below[c.parent], c)
  end
  for _, siblings in pairs(below) do
    -- Taken from the end.
    table.sort(siblings, function(left, right) return is_before(right, left, false) end)
  end
  local open, index = below[head], first
  while #open > 0 do
    local c = table.remove(open)
    for _, answer in ipairs(below[c.id] or {}) do open[#open + 1] = answer end
    shown[index] = c.id
    index = index + 1
  end
end

-- A head, its branch, and the way from it to one comment far below, with what hangs below that. The way begins with the head.
local function add_with(way)
  local first = #shown + 1
  add(way[1])
  local there = {}
  for index = first, #shown do there[shown[index]] = true end
  local target = way[#way]
  for index = 2, #way do
    if not there[way[index]] then
      -- Its older siblings may be missing as well: that branch is read from where it was cut, else from its beginning.
      local parent = comment(way[index]).parent
      more[parent] = more[parent] or START
      shown[#shown + 1] = way[index]
    end
  end
  if not there[target] then descend(#shown, 0, {left = BRANCH_COMMENTS_MAX}) end
  in_order(first)
end
