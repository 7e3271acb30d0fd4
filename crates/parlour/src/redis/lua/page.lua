-- A page of comments, in one snapshot. Who asks for what is in `asker`.
-- Answers epoch, top, how many are visible, the thread (nothing, or closed, address, title, since when and whether that is sure), where the next page
-- begins (nothing, or pinned, score, created, id), the branches that were cut (comment, created and id of the last answer before),
-- and rows, each with the member's reactions; or `unknown` where the comment that it is about is not to be seen here.
local cursor = ARGV[12] and {pinned = ARGV[9] == '1', score = tonumber(ARGV[10]), created = tonumber(ARGV[11]), id = ARGV[12]}
local parent, around = ARGV[7], ARGV[8]
local goes_on

-- The heads of this page, of which one too many was read.
local function cut(heads)
  if #heads > limit then
    heads[#heads] = nil
    goes_on = heads[#heads]
  end
  return heads
end

-- Where a page begins that has this comment in its middle; nothing where it is the first.
local function above(lane, id)
  local c = comment(id)
  local half = math.floor((limit - 1) / 2)
  return onwards(lane, {id = id, created = c.created, score = c.score}, half + 1, true)[half + 1]
end

-- The way to a comment from its root; nothing if it is not to be seen here. As long as the thread is deep.
local function way_to(id)
  local c = comment(id)
  local is_held_for_asker = c.state ~= 'deleted' and c.state ~= 'rejected' and (moderator or (member ~= '' and c.author == member))
  if c.channel ~= name or not (c.state == 'approved' or c.replies > 0 or is_held_for_asker) then return nil end
  local way = {id}
  while comment(way[1]).parent ~= '' do table.insert(way, 1, comment(way[1]).parent) end
  return way
end

local function flat(way)
  local lane = {what = 'flat'}
  local start = cursor
  if way then start = above(lane, way[#way]) end
  local heads, there = cut(onwards(lane, start, limit + 1, false)), {}
  for _, place in ipairs(heads) do there[place.id] = true end
  for _, id in ipairs(way or {}) do
    if not there[id] then shown[#shown + 1] = id end
  end
  for _, place in ipairs(heads) do shown[#shown + 1] = place.id end
end

local function tree(way)
  local starts_pinned, start = not cursor or cursor.pinned, cursor
  if way then
    starts_pinned = comment(way[1]).pinned
    start = above({what = starts_pinned and 'pinned' or 'roots'}, way[1])
  end
  local roots = {}
  if starts_pinned then
    roots = onwards({what = 'pinned'}, start, limit + 1, false)
    for _, root in ipairs(roots) do root.pinned = true end
    start = nil
  end
  if #roots < limit + 1 then
    for _, root in ipairs(onwards({what = 'roots'}, start, limit + 1 - #roots, false)) do roots[#roots + 1] = root end
  end
  for _, root in ipairs(cut(roots)) do
    if way and root.id == way[1] then add_with(way) else add(root.id) end
  end
end

if parent ~= '' then
  if comment(parent).channel ~= name then return 'unknown' end
  for _, head in ipairs(cut(onwards({what = 'answers', parent = parent}, cursor, limit + 1, false))) do add(head.id) end
else
  local way
  if around ~= '' then
    way = way_to(around)
    if not way then return 'unknown' end
  end
  if view == 'flat' then flat(way) else tree(way) end
end

local rows = {}
for _, id in ipairs(shown) do
  rows[#rows + 1] = row(id)
  rows[#rows + 1] = member ~= '' and reactions_of(id, member) or ''
end
local function written(place) return string.format('%.0f', place.score), string.format('%.0f', place.created), place.id end
local cuts = {}
for id, last in pairs(more) do
  local _, created, answer = written(last)
  for _, text in ipairs({id, created, answer}) do cuts[#cuts + 1] = text end
end
local epoch, top = standing()
local kept = redis.call('HMGET', log, 'comments', 'closed', 'url', 'title', 'made_ms', 'verified')
-- What the asker alone believes to be shown is counted for them like the rest.
local shadows = not moderator and member ~= '' and redis.call('HGET', at .. 'z:' .. name, member) or 0
local thread = kept[4] and {kept[2] or '0', kept[3] or '', kept[4], kept[5] or '0', kept[6] or '0'} or {}
return {epoch, top, tonumber(kept[1] or 0) + tonumber(shadows), thread, goes_on and {goes_on.pinned and '1' or '', written(goes_on)} or {}, cuts, rows}
